//! `cargo xtask fuzz [--seconds N] [--only NAME] [--jobs N] [--write]`: every target of `fuzz/`, under libFuzzer.
//!
//! It needs no nightly compiler and no `cargo-fuzz`: coverage counters are passes that a stable compiler has, and
//! `libfuzzer-sys` brings libFuzzer as source, for which a C++ compiler is needed. Inputs that were found interesting are
//! kept in `fuzz/corpus`, which is not committed; a crash is written to `fuzz/artifacts`, and ends the run with 1.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::time::Instant;

/// Counters on every edge, in every crate of the target; comparisons show the fuzzer which bytes they wait for.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions -Coverflow-checks";
const PAGE: &str = "docs/reference/fuzzing.md";
const BEGIN: &str = "<!-- figures: written by `cargo xtask fuzz --write` -->";
const END: &str = "<!-- end of figures -->";
/// Longer inputs teach little and cost much.
const MAX_LENGTH: &str = "-max_len=98304";
const INPUT_SECONDS: &str = "-timeout=20";
const MEMORY: &str = "-rss_limit_mb=2048";

/// What to run.
struct Order {
    seconds: u64,
    jobs: usize,
    only: Option<String>,
    write: bool,
}

/// What came of one target.
struct Outcome {
    target: String,
    /// libFuzzer's exit code was 0.
    clean: bool,
    executions: u64,
    edges: u64,
    inputs: u64,
    seconds: u64,
    tail: String,
}

pub(crate) fn run(arguments: &[&str]) -> ExitCode {
    match order(arguments).and_then(|order| fuzz(&order)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn order(arguments: &[&str]) -> Result<Order, String> {
    let mut order = Order { seconds: 20, jobs: 1, only: None, write: false };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().copied().ok_or_else(|| format!("`{argument}` needs a value"));
        let number = |text: &str| text.parse::<u64>().map_err(|_| format!("`{text}` is no number"));
        match *argument {
            // 0 would be without end.
            "--seconds" => order.seconds = number(value()?)?.max(1),
            "--jobs" => order.jobs = usize::try_from(number(value()?)?.clamp(1, 64)).unwrap_or(1),
            "--only" => order.only = Some(value()?.to_owned()),
            "--write" => order.write = true,
            other => return Err(format!("`{other}` is not known: --seconds N, --only NAME, --jobs N, --write")),
        }
    }
    Ok(order)
}

fn fuzz(order: &Order) -> Result<bool, String> {
    let folder = crate::root().join("fuzz");
    let binary = build(&folder)?;
    prepare(&binary, &folder, "seed")?;
    let listed = prepare(&binary, &folder, "list")?;
    let targets: Vec<&str> = match &order.only {
        Some(name) => listed.lines().filter(|target| *target == name.as_str()).collect(),
        None => listed.lines().collect(),
    };
    if targets.is_empty() {
        return Err(format!("no such target; there are: {}", listed.lines().collect::<Vec<_>>().join(", ")));
    }
    let outcomes = all(&binary, &folder, &targets, order)?;
    let table = table(&outcomes);
    print!("{table}");
    for outcome in outcomes.iter().filter(|outcome| !outcome.clean) {
        eprintln!("error: {} found something\n\n{}", outcome.target, outcome.tail);
        eprintln!("hint: STANDSTILL_FUZZ={} {} fuzz/artifacts/{0}/…", outcome.target, binary.display());
    }
    if order.write {
        write(&table)?;
    }
    Ok(outcomes.iter().all(|outcome| outcome.clean))
}

fn build(folder: &Path) -> Result<PathBuf, String> {
    let version = Command::new("rustc").arg("-vV").output().map_err(|error| format!("rustc: {error}"))?;
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc names no host")?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| crate::root().join("target"), PathBuf::from);
    let target = target.join("fuzz");
    // With `--target`, build scripts and macros are built without the counters.
    let status = Command::new("cargo")
        .args(["build", "--release", "--quiet", "--target", host, "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .env("RUSTFLAGS", FLAGS)
        .env_remove("CARGO_TARGET_DIR")
        .status();
    match status {
        Ok(status) if status.success() => Ok(target.join(host).join("release/standstill-fuzz")),
        Ok(_) => Err("the fuzz targets do not build (libFuzzer needs a C++ compiler)".to_owned()),
        Err(error) => Err(format!("cargo: {error}")),
    }
}

/// Has the binary list its targets or write its seeds.
fn prepare(binary: &Path, folder: &Path, what: &str) -> Result<String, String> {
    let output = Command::new(binary).current_dir(folder).env("STANDSTILL_FUZZ", what).output();
    let output = output.map_err(|error| format!("{}: {error}", binary.display()))?;
    if !output.status.success() {
        return Err(format!("`{what}`: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Each target once, a few at a time; outcomes in the order of the targets.
fn all(binary: &Path, folder: &Path, targets: &[&str], order: &Order) -> Result<Vec<Outcome>, String> {
    let next = Mutex::new(targets.iter());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..order.jobs {
            scope.spawn(|| {
                loop {
                    let target = next.lock().map(|mut next| next.next().copied());
                    let Ok(Some(target)) = target else { break };
                    eprintln!("fuzzing {target} for {} s", order.seconds);
                    let outcome = one(binary, folder, target, order.seconds);
                    if let Ok(mut done) = done.lock() {
                        done.push(outcome);
                    }
                }
            });
        }
    });
    let mut outcomes =
        done.into_inner().map_err(|error| error.to_string())?.into_iter().collect::<Result<Vec<_>, _>>()?;
    outcomes.sort_by_key(|outcome: &Outcome| targets.iter().position(|target| *target == outcome.target));
    Ok(outcomes)
}

fn one(binary: &Path, folder: &Path, target: &str, seconds: u64) -> Result<Outcome, String> {
    let (corpus, artifacts) = (format!("corpus/{target}"), format!("artifacts/{target}/"));
    for made in [&corpus, &artifacts] {
        std::fs::create_dir_all(folder.join(made)).map_err(|error| format!("{made}: {error}"))?;
    }
    let began = Instant::now();
    let output = Command::new(binary)
        .current_dir(folder)
        .env("STANDSTILL_FUZZ", target)
        .arg(&corpus)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={artifacts}"))
        .args([MAX_LENGTH, INPUT_SECONDS, MEMORY, "-print_final_stats=1", "-close_fd_mask=1"])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{}: {error}", binary.display()))?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(Outcome {
        target: target.to_owned(),
        clean: output.status.success(),
        executions: number_after(&text, "stat::number_of_executed_units:"),
        edges: number_after(&text, " cov: "),
        inputs: number_after(&text, " corp: "),
        seconds: began.elapsed().as_secs(),
        tail: text.lines().rev().take(40).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n"),
    })
}

/// The number after the last place where `mark` stands, or 0.
fn number_after(text: &str, mark: &str) -> u64 {
    let after = text.rsplit_once(mark).map_or("", |(_, after)| after).trim_start();
    after
        .split(|character: char| !character.is_ascii_digit())
        .next()
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

fn table(outcomes: &[Outcome]) -> String {
    let mut text =
        String::from("| target | seconds | executions | edges | inputs kept | found |\n|---|---|---|---|---|---|\n");
    for outcome in outcomes {
        let Outcome { target, seconds, executions, edges, inputs, clean, .. } = outcome;
        let found = if *clean { "nothing" } else { "a crash" };
        let _ = writeln!(text, "| `{target}` | {seconds} | {executions} | {edges} | {inputs} | {found} |");
    }
    text
}

/// Puts the table between the page's marks.
fn write(table: &str) -> Result<(), String> {
    let path = crate::root().join(PAGE);
    let page = std::fs::read_to_string(&path).map_err(|error| format!("{PAGE}: {error}"))?;
    let (before, rest) = page.split_once(BEGIN).ok_or_else(|| format!("{PAGE} has no line `{BEGIN}`"))?;
    let (_, after) = rest.split_once(END).ok_or_else(|| format!("{PAGE} has no line `{END}`"))?;
    let page = format!("{before}{BEGIN}\n\n{table}\n{END}{after}");
    std::fs::write(&path, page).map_err(|error| format!("{PAGE}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_figures_of_libfuzzer_are_read() {
        let text = "#2 INITED cov: 10 ft: 12 corp: 3/20b\n#90 DONE   cov: 321 ft: 400 corp: 45/12Kb\nstat::number_of_executed_units: 90\n";
        assert_eq!(number_after(text, " cov: "), 321);
        assert_eq!(number_after(text, " corp: "), 45);
        assert_eq!(number_after(text, "stat::number_of_executed_units:"), 90);
        assert_eq!(number_after(text, "absent"), 0);
    }

    #[test]
    fn orders_are_read_and_unknown_ones_refused() {
        let found = order(&["--seconds", "600", "--jobs", "2", "--only", "statement", "--write"]).unwrap();
        assert_eq!((found.seconds, found.jobs, found.only.as_deref(), found.write), (600, 2, Some("statement"), true));
        assert!(order(&["--seconds"]).is_err() && order(&["--seconds", "x"]).is_err() && order(&["--fast"]).is_err());
    }
}
