//! Meters' files with the numbers that they must give. The figures were taken from the files by hand.

mod files;

use files::file;
use standstill_attestations::claim::{Basis, PpmInterval, Window};
use standstill_attestations::statement::Kind;
use standstill_attestations::training::EnergyBoundary;
use standstill_importers::{
    Contribution, Draft, Format, ImportError, Imported, Options, Source, codecarbon, dcgm, import, nvidia_smi,
    prometheus,
};
use standstill_protocol::hash::Hash;
use standstill_protocol::units::{Joule, Ppm, Timestamp};

const SCRAPE: &str = "dcgm/datadog-t4.metrics.excerpt.prom";
const ENERGY: &str = "prometheus/query.range_vector_raw.json";
const TENSOR: &str = "prometheus/query_range.tensor_active.json";
const INCREASE: &str = "prometheus/query_range.energy_increase.json";
const ERROR: &str = "prometheus/error.json";
const EMISSIONS: &str = "codecarbon/emissions.hf-callback.csv";
const T4: &str = "nvidia_smi/made.t4.v11.xml";
const A100: &str = "nvidia_smi/made.a100-sxm4.v12.xml";
const A5000: &str = "nvidia_smi/made.dual-a5000.v13.xml";
const READABLE: [&str; 7] = [SCRAPE, ENERGY, TENSOR, EMISSIONS, T4, A100, A5000];

fn imported(files: &[(&str, &[u8])], options: &Options) -> Result<Imported<Contribution>, ImportError> {
    let sources: Vec<Source<'_>> = files.iter().map(|(name, bytes)| Source::new(name, bytes)).collect();
    match import(Kind::TrainingCompute, &sources, options)? {
        Draft::Training(imported) => Ok(imported),
        other => panic!("a training draft was expected: {other:?}"),
    }
}

fn samples(names: &[&str]) -> Imported<Contribution> {
    let bytes: Vec<Vec<u8>> = names.iter().map(|name| file(name)).collect();
    let files: Vec<(&str, &[u8])> = names.iter().copied().zip(bytes.iter().map(Vec::as_slice)).collect();
    imported(&files, &Options::default()).unwrap()
}

fn edited(name: &str, edits: &[(&str, &str)]) -> Vec<u8> {
    let mut text = String::from_utf8(file(name)).unwrap();
    for (from, to) in edits {
        assert!(text.contains(from), "{name} holds no {from}");
        text = text.replace(from, to);
    }
    text.into_bytes()
}

fn left<F>(imported: &Imported<F>, field: &str, text: &str) -> bool {
    imported.left.iter().any(|note| note.field == field && note.text.contains(text))
}

/// Joules with boundary and basis, activity, chips.
type Row = (
    &'static [&'static str],
    Option<(u64, EnergyBoundary, Basis)>,
    Option<(u64, u64, u64)>,
    Option<(&'static str, u64)>,
);

const ROWS: [Row; 8] = [
    (&[SCRAPE], None, None, Some(("Tesla T4", 1))),
    (&[ENERGY], Some((10_401, EnergyBoundary::Accelerator, Basis::Measured)), None, Some(("h100-sxm", 2))),
    (&[TENSOR], None, Some((528_295, 571_260, 60)), Some(("h100-sxm", 2))),
    (
        &[TENSOR, ENERGY],
        Some((10_401, EnergyBoundary::Accelerator, Basis::Measured)),
        Some((528_295, 571_260, 60)),
        Some(("h100-sxm", 2)),
    ),
    (&[EMISSIONS], Some((708, EnergyBoundary::Server, Basis::Estimated)), None, None),
    (&[T4], None, None, Some(("Tesla T4", 1))),
    (&[A100], None, None, Some(("a100-sxm-80gb", 1))),
    (&[A5000], None, None, Some(("NVIDIA RTX A5000", 2))),
];

#[test]
fn every_sample_gives_its_figures_in_their_units() {
    for (names, energy, activity, chips) in ROWS {
        let Imported { facts, evidence, took, .. } = samples(names);
        let found = facts.energy.first().map(|energy| (energy.joules.0, energy.boundary, energy.basis));
        assert_eq!(found, energy, "{names:?}");
        assert!(facts.energy.len() <= 1);
        let found = facts.activity.as_ref();
        let found = found.map(|a| (a.active.lower.0, a.active.upper.0, a.covered_chip_seconds));
        assert_eq!(found, activity, "{names:?}");
        let found = facts.hardware.as_ref().map(|h| (h.accelerator.as_deref().unwrap_or(""), h.chips.unwrap_or(0)));
        assert_eq!(found, chips, "{names:?}");
        assert_eq!(evidence.len(), names.len());
        assert!(!took.is_empty() && evidence.iter().all(|file| !file.imported_fields.is_empty()), "{names:?}");
        assert_eq!((facts.flop, facts.sessions.len()), (None, 0));
    }
}

/// Two chips for 8 s; of those, 2 s in which the counters of both began again.
#[test]
fn energy_covers_the_time_between_the_readings_of_a_counter() {
    let covered = |facts: &Contribution| facts.energy[0].covered_chip_seconds;
    assert_eq!(covered(&samples(&[ENERGY]).facts), Some(16));
    let reset = edited(ENERGY, &[("251907747988", "500000"), ("251909048019", "1800031"), ("251910348739", "3100751")]);
    assert_eq!(covered(&imported(&[("x", &reset)], &Options::default()).unwrap().facts), Some(12));
    let (before, after) = (file(SCRAPE), edited(SCRAPE, &[("128996013", "129996513")]));
    let scrapes = imported(&[("a", &before), ("b", &after)], &Options::default()).unwrap();
    assert_eq!(covered(&scrapes.facts), None, "a scrape has no time");
    assert_eq!(covered(&samples(&[EMISSIONS]).facts), None, "a machine without a GPU");
}

#[test]
fn very_many_gaps_are_not_told_one_by_one() {
    let labels = r#""__name__":"DCGM_FI_PROF_PIPE_TENSOR_ACTIVE","UUID":"GPU-0""#;
    let points: Vec<String> = (0..4_000u64).map(|i| format!("[{},\"0.5\"]", 10 * i + 90 * (i / 2))).collect();
    let text = format!(
        r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{{labels}}},"values":[{}]}}]}}}}"#,
        points.join(",")
    );
    let imported = imported(&[("x", text.as_bytes())], &Options::default()).unwrap();
    let gaps = imported.left.iter().filter(|note| note.text.contains("not covered")).count();
    assert!((60..=64).contains(&gaps), "{gaps}");
    assert!(left(&imported, "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "and more of the same kind"), "{:?}", imported.left);
    assert_eq!(imported.facts.activity.unwrap().covered_chip_seconds, 20_000);
}

#[test]
fn windows_are_those_of_the_readings() {
    let time = |text| Timestamp::parse(text).unwrap();
    let window = |start, end| Some(Window { start: Timestamp(start), end: Timestamp(end) });
    assert_eq!(samples(&[ENERGY]).facts.energy[0].window, window(1_795_433_674_907, 1_795_433_682_907));
    assert_eq!(samples(&[TENSOR]).facts.activity.unwrap().window, window(1_795_433_654_000, 1_795_433_684_000));
    let emissions = samples(&[EMISSIONS]).facts.energy[0].window.unwrap();
    assert_eq!((emissions.start, emissions.end), (time("2026-11-23T11:00:05.687Z"), time("2026-11-23T11:00:32Z")));
    let (bytes, options) = (file(EMISSIONS), Options { utc_offset_minutes: Some(-300), ..Options::default() });
    let montreal = imported(&[(EMISSIONS, &bytes)], &options).unwrap().facts.energy[0].window.unwrap();
    assert_eq!(montreal.end, time("2026-11-23T16:00:32Z"));
}

#[test]
fn formats_are_told_from_their_content() {
    for (name, format) in [
        (SCRAPE, dcgm::FORMAT),
        (ENERGY, prometheus::FORMAT),
        (ERROR, prometheus::FORMAT),
        (EMISSIONS, codecarbon::FORMAT),
        (T4, nvidia_smi::FORMAT),
        (A5000, nvidia_smi::FORMAT),
    ] {
        assert_eq!(Format::detect(&Source::new("x", &file(name))).unwrap().name, format, "{name}");
    }
}

#[test]
fn two_scrapes_give_energy_in_either_order_and_one_says_why_it_gives_none() {
    let before = file(SCRAPE);
    let after = edited(SCRAPE, &[("128996013", "129996513")]);
    for files in [[("a", &before[..]), ("b", &after[..])], [("b", &after[..]), ("a", &before[..])]] {
        let facts = imported(&files, &Options::default()).unwrap().facts;
        assert_eq!(facts.energy[0].joules, Joule(1_001), "1,000,500 mJ, to the nearest joule");
        assert_eq!((facts.energy[0].window, facts.hardware.unwrap().chips), (None, Some(1)));
    }
    let one = imported(&[("a", &before)], &Options::default()).unwrap();
    assert!(left(&one, "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "read once"), "{:?}", one.left);
    assert!(left(&one, "DCGM_FI_DEV_POWER_USAGE", "single moments"), "{:?}", one.left);
    assert!(left(&one, "DCGM_FI_DEV_SM_CLOCK", "no statement"), "{:?}", one.left);
}

#[test]
fn the_names_of_other_versions_are_the_same_fields() {
    let labels = "{gpu=\"0\",uuid=\"GPU-8f640a3c\"}";
    let old = |value: &str| {
        format!("# TYPE dcgm_total_energy_consumption counter\ndcgm_total_energy_consumption{labels} {value}\n")
    };
    let (before, after) = (old("7.824041e+06"), old("9.824041e+06"));
    let facts = imported(&[("a", before.as_bytes()), ("b", after.as_bytes())], &Options::default()).unwrap().facts;
    assert_eq!(facts.energy[0].joules, Joule(2_000));
    let renamed = edited(TENSOR, &[("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "DCGM_FI_PROF_TENSOR_UTIL_RATIO")]);
    let facts = imported(&[("x", &renamed)], &Options::default()).unwrap().facts;
    assert_eq!(facts.activity.unwrap().active, PpmInterval { lower: Ppm(528_295), upper: Ppm(571_260) });
}

#[test]
fn a_counter_that_began_again_counts_from_there_and_is_said() {
    let reset = edited(ENERGY, &[("251907747988", "500000"), ("251909048019", "1800031"), ("251910348739", "3100751")]);
    let imported = imported(&[("x", &reset)], &Options::default()).unwrap();
    // 1,300,116 mJ up to the reading before, 3,100,751 since the new beginning; two chips.
    assert_eq!(imported.facts.energy[0].joules, Joule(8_802));
    assert!(left(&imported, "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "began again 1 times"), "{:?}", imported.left);
}

#[test]
fn a_gap_is_not_covered_and_is_said() {
    let gap =
        edited(TENSOR, &[("[1795433664,\"0.520033\"],", ""), ("[1795433674,\"0.578555\"]", "[1795433674,\"NaN\"]")]);
    let imported = imported(&[("x", &gap)], &Options::default()).unwrap();
    // Chip 0 from 674 to 684, chip 1 from 654 to 664: 20 s before and 20 s after are gaps.
    let activity = imported.facts.activity.clone().unwrap();
    assert_eq!(activity.covered_chip_seconds, 20);
    assert_eq!(activity.active, PpmInterval { lower: Ppm(537_732), upper: Ppm(561_220) });
    let gaps = imported.left.iter().filter(|note| note.text.contains("20 s are not covered")).count();
    assert_eq!(gaps, 2, "{:?}", imported.left);
    assert!(left(&imported, "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "not a number"), "{:?}", imported.left);
}

#[test]
fn a_chip_whose_pod_changes_is_one_chip_and_two_values_at_once_are_refused() {
    let text = String::from_utf8(file(ENERGY)).unwrap();
    let split = text.replace(
        "[1795433678.907,\"251907747988\"],[1795433680.907",
        "[1795433678.907,\"251907747988\"]]},{\"metric\":{\"UUID\":\"GPU-00000000-demo\",\"pod\":\"b\",\
         \"__name__\":\"DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION\"},\"values\":[[1795433680.907",
    );
    let facts = imported(&[("x", split.as_bytes())], &Options::default()).unwrap();
    assert!(facts.facts.energy[0].joules.0 >= 5_000, "{:?}", facts.left);
    let twice = text.replace("GPU-00000001-demo", "GPU-00000000-demo");
    assert_eq!(imported(&[("x", twice.as_bytes())], &Options::default()).unwrap().facts.energy[0].joules, Joule(5_201));
    let differing = twice.replacen("251907747988", "251907747989", 1);
    let refused = imported(&[("x", differing.as_bytes())], &Options::default()).unwrap_err();
    assert_eq!(refused.code(), "import-contradiction", "{refused}");
}

#[test]
fn readings_outside_the_report_are_left() {
    let window = Window { start: Timestamp(1_795_433_676_000), end: Timestamp(1_795_433_682_000) };
    let (bytes, options) = (file(ENERGY), Options { window: Some(window), ..Options::default() });
    let imported = imported(&[(ENERGY, &bytes)], &options).unwrap();
    // From 251,906,448,190 to 251,909,048,019 mJ, twice.
    assert_eq!(imported.facts.energy[0].joules, Joule(5_200));
    assert!(left(&imported, "time", "4 values outside"), "{:?}", imported.left);
}

#[test]
fn chips_for_an_inventory_come_with_serial_numbers_that_are_none_left_out() {
    let (t4, a100, a5000) = (file(T4), file(A100), file(A5000));
    let sources = [Source::new("t4", &t4), Source::new("a100", &a100), Source::new("a5000", &a5000)];
    let listed = nvidia_smi::chips(&sources).unwrap();
    let serials: Vec<_> = listed.facts.iter().map(|chip| (chip.serial.as_deref(), chip.accelerator_id())).collect();
    assert_eq!(
        serials,
        [
            (Some("1000000000001"), None),
            (Some("2000000000002"), None),
            (Some("3000000000003"), Some("a100-sxm-80gb")),
            (None, None)
        ]
    );
    assert!(
        listed
            .left
            .iter()
            .any(|note| note.to_string()
                == "a100: `attached_gpus`: 4, and 1 are listed: the others are not in this file")
    );
    assert!(
        listed.left.iter().any(|note| note.text.contains("7.25 W at Mon Jan  4 10:00:00 2027")),
        "{:?}",
        listed.left
    );
    let mixed = imported(&[("t4", &t4), ("a100", &a100)], &Options::default()).unwrap();
    assert_eq!(mixed.facts.hardware, None);
    assert!(left(&mixed, "product_name", "1 x NVIDIA A100-SXM4-80GB, 1 x Tesla T4"), "{:?}", mixed.left);
    let (energy, scrape) = (file(ENERGY), file(SCRAPE));
    assert_eq!(prometheus::chips(&[Source::new("x", &energy)]).unwrap().facts.len(), 2);
    assert_eq!(dcgm::chips(&[Source::new("x", &scrape)]).unwrap().facts.len(), 1);
}

#[test]
fn a_flushed_run_is_counted_once_and_runs_apart_are_added() {
    let text = String::from_utf8(file(EMISSIONS)).unwrap();
    let (header, row) = text.split_once('\n').unwrap();
    let (id, row) = ("ec08bdd1-91ef-41d3-865a-634769159f9b", row.trim_end());
    let flushed = row.replace("11:00:31", "11:00:20").replace(",25.312397719000273,", ",14.3,");
    let twice = format!("{header}\n{flushed}\n{row}\n");
    let once = imported(&[("x", twice.as_bytes())], &Options::default()).unwrap();
    assert_eq!(once.facts.energy[0].joules, Joule(708));
    assert!(left(&once, "run_id", "1 earlier rows"), "{:?}", once.left);

    let later = row.replace(id, "another").replace("11:00:31", "11:05:31");
    let apart = format!("{header}\n{row}\n{later}\n");
    assert_eq!(imported(&[("x", apart.as_bytes())], &Options::default()).unwrap().facts.energy[0].joules, Joule(1_415));
    let one = Options { run: Some("another".to_owned()), ..Options::default() };
    assert_eq!(imported(&[("x", apart.as_bytes())], &one).unwrap().facts.energy[0].joules, Joule(708));

    let together = format!("{header}\n{row}\n{}\n", row.replace(id, "another"));
    let refused = imported(&[("x", together.as_bytes())], &Options::default()).unwrap_err();
    assert_eq!(refused.code(), "import-contradiction", "{refused}");
}

#[test]
fn with_gpus_the_accelerators_energy_is_the_one_that_was_measured() {
    let gpu = edited(EMISSIONS, &[(",0,,-71.2", ",8,8 x NVIDIA H100 80GB HBM3,-71.2"), ("e-05,0.0,", "e-05,0.25,")]);
    let imported = imported(&[("x", &gpu)], &Options::default()).unwrap();
    let energy = &imported.facts.energy[0];
    assert_eq!(
        (energy.joules.0, energy.boundary, energy.basis),
        (900_000, EnergyBoundary::Accelerator, Basis::Measured)
    );
    let hardware = imported.facts.hardware.clone().unwrap();
    assert_eq!((hardware.accelerator.as_deref(), hardware.chips), (Some("h100-sxm"), Some(8)));
}

const NAMES_OF_CHIP_0: &str = "{\"DCGM_FI_DRIVER_VERSION\":\"570.86.15\",\"Hostname\":\"node1\",\"UUID\":\"GPU-00000000-demo\",\
     \"__name__\":\"DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION\",\"device\":\"nvidia0\",\"gpu\":\"0\"";

/// Sample, edit, code, and what the message names.
const REFUSALS: [(&str, &str, &str, &str, &str); 20] = [
    (ERROR, "", "", "import-answer", "unclosed left parenthesis"),
    (INCREASE, "", "", "import-expression", "data.result[0]"),
    (ENERGY, "\"matrix\"", "\"scalar\"", "import-bad-text", "data.resultType"),
    (ENERGY, "\"251907747988\"", "251907747988", "import-wrong-type", "values[2]"),
    (ENERGY, "\"251907747988\"", "\"251907747988.5\"", "import-bad-number", "ENERGY_CONSUMPTION"),
    (ENERGY, "\"251907747988\"", "\"0x10\"", "import-bad-number", "values[2]"),
    (ENERGY, "1795433678.907", "\"1795433678.907\"", "import-wrong-type", "values[2]"),
    (ENERGY, NAMES_OF_CHIP_0, "{\"__name__\":\"DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION\"", "import-missing", "UUID"),
    (TENSOR, "0.520033", "1.520033", "import-bad-number", "TENSOR_ACTIVE"),
    (TENSOR, "0.520033", "-0.1", "import-bad-number", "TENSOR_ACTIVE"),
    (SCRAPE, "128996013", "x", "import-bad-number", "ENERGY_CONSUMPTION"),
    (SCRAPE, "} 128996013", "128996013", "import-malformed", "NAME{label"),
    (SCRAPE, "DCGM_FI_DEV_", "DCGM_FI_OTHER_", "import-missing", "ENERGY_CONSUMPTION"),
    (EMISSIONS, ",3.3.2,", ",4.0.0,", "import-version", "4.0.0"),
    (EMISSIONS, "5.6142414622675635e-05", "NaN", "import-bad-number", "cpu_energy"),
    (EMISSIONS, "2026-11-23T11:00:31", "yesterday", "import-bad-text", "timestamp"),
    (EMISSIONS, ",ram_energy", ",cpu_energy", "import-repeated", "cpu_energy"),
    (A100, "nvsmi_device_v12.dtd", "nvsmi_device_v14.dtd", "import-version", "v14"),
    (A100, "<uuid>GPU-00000000-0000-4000-8000-000000000003</uuid>", "", "import-missing", "gpu.uuid"),
    (A100, "</serial>", "</serial><serial>1</serial>", "import-repeated", "serial"),
];

#[test]
fn each_misbehaviour_has_its_name() {
    for (name, from, to, code, named) in REFUSALS {
        let bytes = edited(name, &[(from, to)]);
        let refused = imported(&[(name, &bytes)], &Options::default()).expect_err(&format!("{name}: {from} as {to}"));
        assert_eq!(refused.code(), code, "{name}: {from} as {to}: {refused}");
        assert!(refused.to_string().contains(named), "{refused} names no {named}");
        assert!(!refused.hint().is_empty());
    }
}

#[test]
fn every_truncation_is_refused() {
    for name in READABLE {
        let bytes = file(name);
        // The last byte may be a newline, which a document in JSON or XML does not need; a table and a scrape do.
        let needed = if matches!(name, SCRAPE | EMISSIONS) { bytes.len() } else { bytes.trim_ascii_end().len() };
        let lines = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        let whole_lines: Vec<usize> = if name == SCRAPE { lines.collect() } else { Vec::new() };
        for length in (0..needed).step_by((needed / 300).max(1)).chain(needed.saturating_sub(40)..needed) {
            let refused = imported(&[(name, &bytes[..length])], &Options::default());
            assert!(refused.is_err() || whole_lines.contains(&length), "{name} cut to {length} bytes");
        }
    }
}

#[test]
fn no_changed_byte_panics() {
    for name in READABLE.iter().chain(&[INCREASE, ERROR]) {
        let bytes = file(name);
        for at in (0..bytes.len()).step_by((bytes.len() / 400).max(1)) {
            for with in [b'"', b'<', 0xFF, b'9', b'\n', b'}'] {
                let mut changed = bytes.clone();
                changed[at] = with;
                let _ = imported(&[(name, &changed)], &Options::default());
            }
        }
    }
}

#[test]
fn counters_and_power_go_into_a_log_and_activity_does_not() {
    let tag = |id: &str| standstill_attestations::reading::chip_tag(&Hash::ZERO, id);
    let meter = "prom-1".parse().unwrap();
    let (energy, tensor) = (file(ENERGY), file(TENSOR));
    let power = edited(ENERGY, &[("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "DCGM_FI_DEV_POWER_USAGE")]);
    let sources = [Source::new("energy", &energy), Source::new("tensor", &tensor)];
    let imported = prometheus::readings(&sources, &meter, &tag).unwrap();
    assert!(left(&imported, "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "last interval"), "{:?}", imported.left);
    let first = imported.facts.first().unwrap();
    assert_eq!((first.time, first.value), (Timestamp(1_795_433_674_907), 251_905_148_074));
    assert!(imported.facts.windows(2).all(|pair| pair[0].time <= pair[1].time));
    for reading in &imported.facts {
        assert_eq!(standstill_attestations::reading::Reading::parse(reading.to_string().as_bytes()).unwrap(), *reading);
    }
    let watts = prometheus::readings(&[Source::new("power", &power)], &meter, &tag).unwrap().facts;
    assert_eq!(watts[0].value, 251_905_148_074_000, "watts are written as milliwatts");
    let error = prometheus::readings(&[Source::new("tensor", &tensor)], &meter, &tag).unwrap_err();
    assert_eq!(error.code(), "import-missing");
}
