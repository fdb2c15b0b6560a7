//! `training-compute` in JSON.

use standstill_protocol::units::Joule;

use super::{
    Activity, BaseModel, BaseModelUse, CountingRule, Energy, EnergyBoundary, FlopFigures, Hardware, Method, RunStage,
    Session, TrainingCompute, Workload,
};
use crate::claim::PpmInterval;
use crate::claim_json::{
    basis, coverage, coverage_json, evidence, evidence_json, interval, interval_json, label, push_maybe, window,
    window_json, window_members,
};
use crate::limits;
use crate::reader::{Field, Object, Read};
use crate::writer::Json;

const DISCARDED: (&str, &str) = ("discarded", "discardedUnknown");
const WORKLOAD: (&str, &str) = ("workload", "workloadUnknown");
const HARDWARE: (&str, &str) = ("hardware", "hardwareUnknown");
const ENERGY: (&str, &str) = ("energy", "energyUnknown");
const ACTIVITY: (&str, &str) = ("activity", "activityUnknown");
const COVERAGE: (&str, &str) = ("coverage", "coverageUnknown");
const RESUMED: (&str, &str) = ("resumedFrom", "resumedFromUnknown");
const CHIPS: (&str, &str) = ("chips", "chipsUnknown");
const BASE_FLOP: (&str, &str) = ("flop", "flopUnknown");

impl TrainingCompute {
    pub(crate) fn read(object: &mut Object<'_, '_>) -> Read<Self> {
        Ok(TrainingCompute {
            site: object.take("site")?.name()?,
            run: object.take("run")?.name()?,
            run_stage: object.take("runStage")?.word(RunStage::WORDS, RunStage::from_word)?,
            period: period(object.take("period")?)?,
            window: window(object.take("window")?)?,
            sessions: object.take("sessions")?.list(limits::SESSIONS, session)?,
            flop: figures(object.take("flop")?)?,
            method: object.take("method")?.word(Method::WORDS, Method::from_word)?,
            counting_rule: object.take("countingRule")?.word(CountingRule::WORDS, CountingRule::from_word)?,
            basis: basis(object.take("basis")?)?,
            final_report: object.take("finalReport")?.boolean()?,
            base_models: object.take("baseModels")?.list(limits::BASE_MODELS, base_model)?,
            workload: object.maybe(WORKLOAD, workload)?,
            hardware: object.maybe(HARDWARE, hardware)?,
            energy: object.maybe(ENERGY, energy)?,
            activity: object.maybe(ACTIVITY, activity)?,
            evidence: object.take("evidence")?.list(limits::EVIDENCE, |field| evidence(field))?,
        })
    }

    pub(crate) fn write(&self, members: &mut Vec<(&'static str, Json)>) {
        members.extend([
            ("site", Json::text(&self.site)),
            ("run", Json::text(&self.run)),
            ("runStage", Json::text(self.run_stage)),
            ("period", Json::Whole(u64::from(self.period))),
            ("window", window_json(&self.window)),
            ("sessions", Json::List(self.sessions.iter().map(session_json).collect())),
            ("flop", figures_json(&self.flop)),
            ("method", Json::text(self.method)),
            ("countingRule", Json::text(self.counting_rule)),
            ("basis", Json::text(self.basis)),
            ("finalReport", Json::Bool(self.final_report)),
            ("baseModels", Json::List(self.base_models.iter().map(base_model_json).collect())),
        ]);
        push_maybe(members, WORKLOAD, &self.workload, workload_json);
        push_maybe(members, HARDWARE, &self.hardware, hardware_json);
        push_maybe(members, ENERGY, &self.energy, energy_json);
        push_maybe(members, ACTIVITY, &self.activity, activity_json);
        members.push(("evidence", evidence_json(&self.evidence)));
    }
}

fn period(field: Field<'_, '_>) -> Read<u32> {
    let index = field.whole(u64::from(u32::MAX))?;
    // Bounded one line above.
    Ok(u32::try_from(index).unwrap_or(u32::MAX))
}

fn session(field: Field<'_, '_>) -> Read<Session> {
    let mut object = field.object()?;
    let window = window_members(&mut object)?;
    let resumed_from = object.maybe_none(RESUMED, |field| field.digest())?;
    let chips = object.maybe(CHIPS, |field| field.decimal_u64())?;
    object.finish()?;
    Ok(Session { window, resumed_from, chips })
}

fn session_json(session: &Session) -> Json {
    let mut members = vec![("start", Json::text(session.window.start)), ("end", Json::text(session.window.end))];
    push_maybe(&mut members, RESUMED, &session.resumed_from, |from| from.map_or(Json::Null, Json::text));
    push_maybe(&mut members, CHIPS, &session.chips, |chips| Json::text(chips));
    Json::Object(members)
}

fn figures(field: Field<'_, '_>) -> Read<FlopFigures> {
    let mut object = field.object()?;
    let figures = FlopFigures {
        incremental: interval(object.take("incremental")?)?,
        cumulative: interval(object.take("cumulative")?)?,
        discarded: object.maybe(DISCARDED, interval)?,
    };
    object.finish()?;
    Ok(figures)
}

fn figures_json(figures: &FlopFigures) -> Json {
    let mut members =
        vec![("incremental", interval_json(&figures.incremental)), ("cumulative", interval_json(&figures.cumulative))];
    push_maybe(&mut members, DISCARDED, &figures.discarded, interval_json);
    Json::Object(members)
}

pub(crate) fn base_model(field: Field<'_, '_>) -> Read<BaseModel> {
    let mut object = field.object()?;
    let model = BaseModel {
        name: label(object.take("name")?)?,
        sha256: object.take("sha256")?.digest()?,
        used_for: object.take("usedFor")?.word(BaseModelUse::WORDS, BaseModelUse::from_word)?,
        flop: object.maybe(BASE_FLOP, interval)?,
    };
    object.finish()?;
    Ok(model)
}

pub(crate) fn base_model_json(model: &BaseModel) -> Json {
    let mut members = vec![
        ("name", Json::text(&model.name)),
        ("sha256", Json::text(model.sha256)),
        ("usedFor", Json::text(model.used_for)),
    ];
    push_maybe(&mut members, BASE_FLOP, &model.flop, interval_json);
    Json::Object(members)
}

fn workload(field: Field<'_, '_>) -> Read<Workload> {
    let mut object = field.object()?;
    let workload = Workload {
        tokens: object.take("tokens")?.decimal()?,
        active_parameters: object.take("activeParameters")?.decimal()?,
        total_parameters: object.take("totalParameters")?.decimal()?,
        basis: basis(object.take("basis")?)?,
    };
    object.finish()?;
    Ok(workload)
}

fn workload_json(workload: &Workload) -> Json {
    Json::Object(vec![
        ("tokens", Json::text(workload.tokens)),
        ("activeParameters", Json::text(workload.active_parameters)),
        ("totalParameters", Json::text(workload.total_parameters)),
        ("basis", Json::text(workload.basis)),
    ])
}

fn hardware(field: Field<'_, '_>) -> Read<Hardware> {
    let mut object = field.object()?;
    let hardware = Hardware {
        accelerator: object.take("accelerator")?.name()?,
        chips: object.take("chips")?.decimal_u64()?,
        chip_seconds: object.take("chipSeconds")?.decimal_u64()?,
        peak_flop_per_second: object.take("peakFlopPerSecond")?.decimal_u64()?,
        utilisation: PpmInterval {
            lower: object.take("utilisationLowerPpm")?.ppm()?,
            upper: object.take("utilisationUpperPpm")?.ppm()?,
        },
        basis: basis(object.take("basis")?)?,
    };
    object.finish()?;
    Ok(hardware)
}

fn hardware_json(hardware: &Hardware) -> Json {
    Json::Object(vec![
        ("accelerator", Json::text(&hardware.accelerator)),
        ("chips", Json::text(hardware.chips)),
        ("chipSeconds", Json::text(hardware.chip_seconds)),
        ("peakFlopPerSecond", Json::text(hardware.peak_flop_per_second)),
        ("utilisationLowerPpm", Json::Whole(hardware.utilisation.lower.0)),
        ("utilisationUpperPpm", Json::Whole(hardware.utilisation.upper.0)),
        ("basis", Json::text(hardware.basis)),
    ])
}

fn energy(field: Field<'_, '_>) -> Read<Energy> {
    let mut object = field.object()?;
    let energy = Energy {
        joules: Joule(object.take("joules")?.decimal_u64()?),
        boundary: object.take("boundary")?.word(EnergyBoundary::WORDS, EnergyBoundary::from_word)?,
        coverage: object.maybe(COVERAGE, |field| coverage(field))?,
        basis: basis(object.take("basis")?)?,
    };
    object.finish()?;
    Ok(energy)
}

fn energy_json(energy: &Energy) -> Json {
    let mut members = vec![("joules", Json::text(energy.joules)), ("boundary", Json::text(energy.boundary))];
    push_maybe(&mut members, COVERAGE, &energy.coverage, coverage_json);
    members.push(("basis", Json::text(energy.basis)));
    Json::Object(members)
}

fn activity(field: Field<'_, '_>) -> Read<Activity> {
    let mut object = field.object()?;
    let activity = Activity {
        tensor_pipe: PpmInterval {
            lower: object.take("tensorPipeLowerPpm")?.ppm()?,
            upper: object.take("tensorPipeUpperPpm")?.ppm()?,
        },
        coverage: coverage(object.take("coverage")?)?,
        basis: basis(object.take("basis")?)?,
    };
    object.finish()?;
    Ok(activity)
}

fn activity_json(activity: &Activity) -> Json {
    Json::Object(vec![
        ("tensorPipeLowerPpm", Json::Whole(activity.tensor_pipe.lower.0)),
        ("tensorPipeUpperPpm", Json::Whole(activity.tensor_pipe.upper.0)),
        ("coverage", coverage_json(&activity.coverage)),
        ("basis", Json::text(activity.basis)),
    ])
}
