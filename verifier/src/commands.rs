//! The commands: files in, an answer out. Everything that touches the file system is here.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use standstill_verifier::extends::Relation;
use standstill_verifier::proof::{self, MAX_RECEIPT_BYTES};
use standstill_verifier::screen::{self, Sources};
use standstill_verifier::trust::MAX_TRUST_BYTES;
use standstill_verifier::{
    AuditError, Check, Exit, Options, Progress, Report, Trust, extends as extension, inspect as contents, json,
    verify_bundle_watched,
};

use crate::{Answer, BundleArgs, ProofArgs, Trouble};

/// How often the bar is drawn again.
const TICK: Duration = Duration::from_millis(120);

fn shown(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn open(path: &Path) -> Result<File, Trouble> {
    File::open(path).map_err(|error| Trouble {
        exit: Exit::Unavailable,
        message: format!("`{}` could not be read: {error}", path.display()),
        hint: None,
    })
}

/// The whole file, if it is at most `limit` bytes long.
fn read(path: &Path, limit: usize, exit: Exit) -> Result<Vec<u8>, Trouble> {
    let trouble = |message: String| Trouble { exit, message, hint: None };
    let file = File::open(path).map_err(|error| trouble(format!("`{}` could not be read: {error}", path.display())))?;
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| trouble(format!("`{}` could not be read: {error}", path.display())))?;
    if bytes.len() > limit {
        return Err(trouble(format!("`{}` is longer than {limit} bytes", path.display())));
    }
    Ok(bytes)
}

fn trust(path: &Path) -> Result<Trust, Trouble> {
    let bytes = read(path, MAX_TRUST_BYTES, Exit::Usage)?;
    Trust::parse(&bytes).map_err(|error| Trouble {
        exit: Exit::Usage,
        message: format!("`{}`: {error}", path.display()),
        hint: Some("see docs/guides/verify.md for what a trust file holds".to_owned()),
    })
}

pub(crate) fn bundle(args: &BundleArgs, no_progress: bool) -> Result<Answer, Trouble> {
    let trust = trust(&args.trust)?;
    let file = open(&args.file)?;
    let options = Options {
        as_of: args.as_of,
        lab: args.lab.clone(),
        clause: args.clause.clone(),
        max_failures: args.max_failures,
    };
    let report = watched(file, &trust, &options, no_progress)?;
    let sources = Sources { bundle: shown(&args.file), trust: shown(&args.trust) };
    let text = if args.json { json::render(&report, &sources) } else { screen::render(&report, &sources) };
    Ok(Answer { text, exit: report.verdict.exit() })
}

/// Runs the audit beside a progress bar.
fn watched(file: File, trust: &Trust, options: &Options, no_progress: bool) -> Result<Report, Trouble> {
    let length = file.metadata().map_or(0, |data| data.len());
    let target = if no_progress { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(Some(length), target);
    let style = ProgressStyle::with_template("checking   {bar:30} {percent:>3} %   {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let progress = Progress::default();
    let done = std::sync::atomic::AtomicBool::new(false);
    let report = std::thread::scope(|scope| {
        let drawing = scope.spawn(|| {
            while !bar.is_hidden() && !done.load(std::sync::atomic::Ordering::Relaxed) {
                bar.set_position(progress.bytes());
                let (records, height) = (screen::grouped(progress.records()), screen::grouped(progress.height()));
                bar.set_message(format!("{records} records, height {height}"));
                std::thread::park_timeout(TICK);
            }
        });
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            verify_bundle_watched(BufReader::new(file), trust, options, &progress)
        }));
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        drawing.thread().unpark();
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    bar.finish_and_clear();
    report.map_err(|error| match error {
        AuditError::Unavailable(_) => Trouble { exit: Exit::Unavailable, message: error.to_string(), hint: None },
        AuditError::Unknown { .. } => Trouble {
            exit: Exit::Usage,
            message: error.to_string(),
            hint: Some("`standstill-verify inspect FILE` lists who is in a bundle".to_owned()),
        },
        _ => Trouble { exit: Exit::Internal, message: error.to_string(), hint: None },
    })
}

pub(crate) fn proof(args: &ProofArgs) -> Result<Answer, Trouble> {
    let trust = trust(&args.trust)?;
    let receipt = read(&args.file, MAX_RECEIPT_BYTES, Exit::Unavailable)?;
    let entry = args.entry.as_deref().map(|path| read(path, 1 << 20, Exit::Unavailable)).transpose()?;
    let treaty = args.treaty.as_deref().map(|path| read(path, 1 << 20, Exit::Usage)).transpose()?;
    let report = proof::verify(&receipt, entry.as_deref(), treaty.as_deref(), &trust);
    let text = if args.json { report.to_json(&shown(&args.file)) } else { report.to_screen(&shown(&args.file)) };
    Ok(Answer { text, exit: report.exit() })
}

pub(crate) fn extends(old: &Path, new: &Path) -> Result<Answer, Trouble> {
    let compared = extension::compare(BufReader::new(open(old)?), BufReader::new(open(new)?));
    let relation = compared.map_err(|error| {
        let exit = match error.code() {
            "unreadable" | "not-a-bundle" => Exit::Unavailable,
            _ => Exit::Untrusted,
        };
        Trouble { exit, message: error.to_string(), hint: None }
    })?;
    let (old, new) = (shown(old), shown(new));
    let (exit, text) = match relation {
        Relation::Extends { blocks, added } => (
            Exit::Holds,
            format!("{new} holds all {} blocks of {old}, and {} more", screen::grouped(blocks), screen::grouped(added)),
        ),
        Relation::Shorter { blocks, height } => {
            let blocks = screen::grouped(blocks);
            (
                Exit::Undecided,
                format!("{new} ends before {old}: both hold {blocks} blocks, then {new} lacks height {height}"),
            )
        }
        Relation::OtherRules => (Exit::Untrusted, format!("{old} and {new} open with other treaties or modules")),
        Relation::Differs { height, old: a, new: b } => (
            Exit::Untrusted,
            format!(
                "{old} and {new} hold different blocks of height {height}:\n  {a}\n  {b}\nCheck both with \
                 `standstill-verify bundle`: if both pass, validators signed two histories; keep both files"
            ),
        ),
    };
    Ok(Answer { text: text + "\n", exit })
}

pub(crate) fn inspect(file: &Path) -> Result<Answer, Trouble> {
    let text = contents::describe(BufReader::new(open(file)?)).map_err(|error| Trouble {
        exit: Exit::Unavailable,
        message: error.to_string(),
        hint: None,
    })?;
    Ok(Answer { text, exit: Exit::Holds })
}

pub(crate) fn checks() -> Answer {
    let row = |check: Check| {
        let about = check.about();
        format!("{:>2}  {:<13}{:<41}spec {}\n", check.number(), check.name(), about.claim, check.spec())
    };
    Answer { text: Check::ALL.into_iter().map(row).collect(), exit: Exit::Holds }
}

pub(crate) fn explain(text: &str) -> Result<Answer, Trouble> {
    let check = Check::parse(text).ok_or_else(|| Trouble {
        exit: Exit::Usage,
        message: format!("`{text}` is no check"),
        hint: Some("`standstill-verify checks` lists them by number and name".to_owned()),
    })?;
    let about = check.about();
    let mut out = format!("check {check}: {}\n", about.claim);
    for (label, text) in [("what", about.what), ("why", about.why), ("if it fails", about.then)] {
        out.push('\n');
        for (index, row) in screen::wrap(text, screen::WIDTH - 13).into_iter().enumerate() {
            out.push_str(&format!("{:<13}{row}\n", if index == 0 { label } else { "" }));
        }
    }
    out.push_str(&format!("\n{:<13}spec/60-checks.md, section {}\n", "specified", check.number()));
    Ok(Answer { text: out, exit: Exit::Holds })
}

pub(crate) fn trust_show(path: &Path) -> Result<Answer, Trouble> {
    let trust = trust(path)?;
    let mut out = format!("trust        {} ({})\n", shown(path), trust.name);
    let mut row = |label: &str, text: String| {
        for (index, part) in screen::wrap(&text, screen::WIDTH - 13).into_iter().enumerate() {
            out.push_str(&format!("{:<13}{part}\n", if index == 0 { label } else { "" }));
        }
    };
    row("fingerprint", trust.fingerprint.to_string());
    row("treaty", trust.treaty.to_string());
    row("ledger", trust.chain_id.to_string());
    let (count, quorum) = (trust.validators.len(), trust.validators.quorum());
    row(
        "validators",
        format!("{count}, of which {quorum} make a quorum and {} may be faulty", trust.validators.tolerated_faults()),
    );
    for validator in trust.validators.iter() {
        row("", format!("{:<15}{}", validator.member, validator.address()));
    }
    let policy = &trust.policy;
    row("cosigners", format!("quorum `{}`, {} log keys", policy.quorum().unwrap_or("none"), policy.logs().len()));
    for witness in policy.witnesses() {
        row("", format!("{:<15}{}", witness.name, witness.key.id()));
    }
    let limits = &trust.limits;
    let engine = format!(
        "{} gas a call, depth {}, {} pages, {} bytes of state",
        screen::grouped(limits.gas_per_call),
        limits.call_depth,
        limits.memory_pages,
        screen::grouped(limits.state_bytes as u64)
    );
    row("engine", engine);
    for head in &trust.seen {
        row("seen", format!("size {}  {}", screen::grouped(head.size), head.root));
    }
    Ok(Answer { text: out, exit: Exit::Holds })
}

pub(crate) fn trust_lint(path: &Path) -> Result<Answer, Trouble> {
    let trust = trust(path)?;
    let validators = trust.validators.len();
    let mut out = format!("{}: well-formed, {} validators\n", shown(path), validators);
    if validators < 4 {
        out.push_str(&format!("note: {validators} validators tolerate no fault: it takes 4 to tolerate one\n"));
    }
    if trust.seen.is_empty() {
        out.push_str("note: no `[[seen]]` head: a bundle cut short is noticed by --as-of alone\n");
    }
    Ok(Answer { text: out, exit: Exit::Holds })
}

pub(crate) fn trust_fingerprint(path: &Path) -> Result<Answer, Trouble> {
    Ok(Answer { text: format!("{}\n", trust(path)?.fingerprint), exit: Exit::Holds })
}
