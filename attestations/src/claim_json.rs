//! Reading and writing of the parts that kinds share.

use standstill_protocol::units::Flop;

use crate::claim::{Basis, Coverage, Evidence, EvidenceRole, FigureGroup, Interval, Maybe, Window};
use crate::limits;
use crate::reader::{Field, Object, Read};
use crate::writer::Json;

pub(crate) fn interval(field: Field<'_, '_>) -> Read<Interval> {
    let mut object = field.object()?;
    let lower = Flop(object.take("lower")?.decimal()?);
    let upper = Flop(object.take("upper")?.decimal()?);
    object.finish()?;
    Ok(Interval { lower, upper })
}

pub(crate) fn interval_json(interval: &Interval) -> Json {
    Json::Object(vec![("lower", Json::text(interval.lower)), ("upper", Json::text(interval.upper))])
}

pub(crate) fn window(field: Field<'_, '_>) -> Read<Window> {
    let mut object = field.object()?;
    let window = window_members(&mut object)?;
    object.finish()?;
    Ok(window)
}

pub(crate) fn window_members(object: &mut Object<'_, '_>) -> Read<Window> {
    Ok(Window { start: object.take("start")?.time()?, end: object.take("end")?.time()? })
}

pub(crate) fn window_json(window: &Window) -> Json {
    Json::Object(vec![("start", Json::text(window.start)), ("end", Json::text(window.end))])
}

pub(crate) fn coverage(field: Field<'_, '_>) -> Read<Coverage> {
    let mut object = field.object()?;
    let coverage = Coverage {
        covered_chip_seconds: object.take("coveredChipSeconds")?.decimal_u64()?,
        gap_chip_seconds: object.take("gapChipSeconds")?.decimal_u64()?,
    };
    object.finish()?;
    Ok(coverage)
}

pub(crate) fn coverage_json(coverage: &Coverage) -> Json {
    Json::Object(vec![
        ("coveredChipSeconds", Json::text(coverage.covered_chip_seconds)),
        ("gapChipSeconds", Json::text(coverage.gap_chip_seconds)),
    ])
}

pub(crate) fn basis(field: Field<'_, '_>) -> Read<Basis> {
    field.word(Basis::WORDS, Basis::from_word)
}

pub(crate) fn label(field: Field<'_, '_>) -> Read<String> {
    field.text(limits::LABEL)
}

/// Appends `name` with its value, or `name` null and `unknown` with the reason.
pub(crate) fn push_maybe<T>(
    members: &mut Vec<(&'static str, Json)>,
    (name, unknown): (&'static str, &'static str),
    value: &Maybe<T>,
    write: impl FnOnce(&T) -> Json,
) {
    match value {
        Maybe::Known(value) => members.push((name, write(value))),
        Maybe::Unknown(reason) => members.extend([(name, Json::Null), (unknown, Json::text(reason))]),
    }
}

pub(crate) fn evidence(field: Field<'_, '_>) -> Read<Evidence> {
    let mut object = field.object()?;
    let evidence = Evidence {
        role: object.take("role")?.word(EvidenceRole::WORDS, EvidenceRole::from_word)?,
        tool: label(object.take("tool")?)?,
        tool_version: object.maybe(("toolVersion", "toolVersionUnknown"), label)?,
        format: label(object.take("format")?)?,
        sha256: object.take("sha256")?.digest()?,
        size_bytes: object.take("sizeBytes")?.whole(crate::reader::MAX_SAFE_INTEGER)?,
        imported_fields: object.take("importedFields")?.list(limits::IMPORTED_FIELDS, label)?,
        backs: object
            .take("backs")?
            .list(FigureGroup::ALL.len(), |field| field.word(FigureGroup::WORDS, FigureGroup::from_word))?,
    };
    object.finish()?;
    Ok(evidence)
}

pub(crate) fn evidence_json(evidence: &[Evidence]) -> Json {
    let one = |evidence: &Evidence| {
        let mut members = vec![("role", Json::text(evidence.role)), ("tool", Json::text(&evidence.tool))];
        push_maybe(&mut members, ("toolVersion", "toolVersionUnknown"), &evidence.tool_version, |version| {
            Json::text(version)
        });
        members.extend([
            ("format", Json::text(&evidence.format)),
            ("sha256", Json::text(evidence.sha256)),
            ("sizeBytes", Json::Whole(evidence.size_bytes)),
            ("importedFields", Json::List(evidence.imported_fields.iter().map(Json::text).collect())),
            ("backs", Json::List(evidence.backs.iter().map(Json::text).collect())),
        ]);
        Json::Object(members)
    };
    Json::List(evidence.iter().map(one).collect())
}
