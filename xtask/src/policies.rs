//! Builds the clauses for wasm32v1-none and writes `wasm-policies/dist`, or compares with what is committed there.
//!
//! The target's core library is compiled from source, so neither rustup nor the network is needed where the source of
//! exactly this compiler is at hand: `STANDSTILL_RUST_SRC` names its `library` folder. Elsewhere the source is Debian's
//! `rust-src`, downloaded with an apt configuration of its own (the machine's mirror, another suite, private state), and
//! checked against its SHA-256. The machine's own apt state is never touched.
//!
//! The bytes depend on the compiler and on the sources alone: every path that could get into them is remapped.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The compiler that makes the committed bytes.
const COMPILER: &str = "1.95.0";
/// Debian's package of its source, and the suite that has it.
const PACKAGE: &str = "rust-src=1.95.0+dfsg1-2~bpo13+1";
const SUITE: &str = "trixie-backports";
const PACKAGE_SHA256: &str = "7b76db5b880a77f9e52975d2baa6209d2f76d2c9c2789515c3088cb960e2c83b";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const TARGET: &str = "wasm32v1-none";
const CLAUSES: [&str; 3] = ["reporting", "run-cap", "slowdown"];

/// Builds and writes `dist` (`check`: compares with it).
pub(crate) fn run(check: bool) -> ExitCode {
    match build(check) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn build(check: bool) -> Result<(), String> {
    let root = crate::root();
    let folder = root.join("wasm-policies");
    let work = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let work = work.join("wasm-policies");
    let version = output(Command::new("rustc").arg("--version").current_dir(&folder))?;
    if !version.starts_with(&format!("rustc {COMPILER} ")) {
        return Err(format!("the committed modules are built by rustc {COMPILER}, this is {}", version.trim()));
    }
    let source = source(&work)?;
    compile(&folder, &work, &source)?;
    let built = work.join(TARGET).join("release");
    let dist = folder.join("dist");
    for clause in CLAUSES {
        let module = read(&built.join(format!("standstill_clause_{}.wasm", clause.replace('-', "_"))))?;
        let committed = dist.join(format!("{clause}.wasm"));
        if check && read(&committed)? != module {
            return Err(format!(
                "{} is not what its source builds to: run `cargo xtask policies build`",
                committed.display()
            ));
        }
        if !check {
            std::fs::write(&committed, &module).map_err(|error| format!("{}: {error}", committed.display()))?;
        }
        println!("{clause:<10} {:>6} bytes", module.len());
    }
    let names: Vec<String> = CLAUSES.iter().map(|clause| format!("{clause}.wasm")).collect();
    let sums = output(Command::new("sha256sum").args(&names).current_dir(&dist))?;
    let list = dist.join("SHA256SUMS");
    if check && read(&list)? != sums.as_bytes() {
        return Err(format!("{} does not list these modules", list.display()));
    }
    if !check {
        std::fs::write(&list, sums).map_err(|error| format!("{}: {error}", list.display()))?;
    }
    Ok(())
}

fn compile(folder: &Path, work: &Path, source: &Path) -> Result<(), String> {
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cargo")));
    let remap = |from: &Path, to: &str| {
        let mut flag = OsString::from("--remap-path-prefix=");
        flag.push(from);
        flag.push(format!("={to}"));
        flag
    };
    let mut flags: Vec<OsString> = ["-Clink-arg=-zstack-size=16384", "-Zunstable-options", "-Cpanic=immediate-abort"]
        .into_iter()
        .map(OsString::from)
        .collect();
    flags.extend([remap(folder, "/clauses"), remap(source, "/rust"), remap(work, "/target")]);
    flags.extend(cargo_home.as_deref().map(|home| remap(home, "/cargo")));
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--locked", "-Zbuild-std=core,alloc", "--target", TARGET]).current_dir(folder);
    cargo.env("RUSTC_BOOTSTRAP", "1").env("__CARGO_TESTS_ONLY_SRC_ROOT", source).env("CARGO_TARGET_DIR", work);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join(&OsString::from("\u{1f}"))).env_remove("RUSTFLAGS");
    succeed(&mut cargo)
}

/// The `library` folder of the compiler's source: given, downloaded before, or downloaded now.
fn source(work: &Path) -> Result<PathBuf, String> {
    let given = std::env::var_os("STANDSTILL_RUST_SRC").map(PathBuf::from);
    let unpacked = work.join("rust-src");
    let library = given.unwrap_or_else(|| unpacked.join(format!("usr/src/rustc-{COMPILER}/library")));
    if !library.join("core/src/lib.rs").exists() {
        if std::env::var_os("STANDSTILL_RUST_SRC").is_some() {
            return Err(format!("{} holds no core library: STANDSTILL_RUST_SRC names `library`", library.display()));
        }
        let package = download(&work.join("apt"))?;
        succeed(Command::new("dpkg-deb").arg("-x").arg(&package).arg(&unpacked))?;
    }
    library.canonicalize().map_err(|error| format!("{}: {error}", library.display()))
}

fn download(apt: &Path) -> Result<PathBuf, String> {
    let io = |error: std::io::Error| format!("{}: {error}", apt.display());
    for folder in ["state/lists/partial", "cache/archives/partial"] {
        std::fs::create_dir_all(apt.join(folder)).map_err(io)?;
    }
    std::fs::write(apt.join("status"), "").map_err(io)?;
    let line = format!("deb [signed-by={KEYRING}] {} {SUITE} main\n", mirror()?);
    std::fs::write(apt.join("sources.list"), line).map_err(io)?;
    let option = |key: &str, name: &str| format!("{key}={}", apt.join(name).display());
    let options = [
        option("Dir::State", "state"),
        option("Dir::State::status", "status"),
        option("Dir::Cache", "cache"),
        option("Dir::Etc::sourcelist", "sources.list"),
        "Dir::Etc::sourceparts=/dev/null".to_owned(),
        "APT::Sandbox::User=root".to_owned(),
    ];
    let get = |arguments: [&str; 2]| {
        let mut command = Command::new("apt-get");
        for option in &options {
            command.args(["-o", option]);
        }
        command.args(arguments).current_dir(apt);
        succeed(&mut command)
    };
    get(["--quiet", "update"])?;
    get(["download", PACKAGE])?;
    let found = std::fs::read_dir(apt).map_err(io)?.filter_map(Result::ok).map(|entry| entry.path());
    let package = found.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "deb"));
    let package = package.ok_or_else(|| format!("apt-get left no package in {}", apt.display()))?;
    let sum = output(Command::new("sha256sum").arg(&package))?;
    if !sum.starts_with(PACKAGE_SHA256) {
        return Err(format!("{} is not the package that was measured: {}", package.display(), sum.trim()));
    }
    Ok(package)
}

/// The Debian mirror that this machine uses already.
fn mirror() -> Result<String, String> {
    let mut command = Command::new("apt-get");
    command.args(["indextargets", "--format", "$(SITE) $(REPO_URI)", "Created-By: Packages"]);
    let targets = output(&mut command)?;
    let uris = targets.lines().filter_map(|line| line.split_whitespace().nth(1));
    let mirror = uris.map(|uri| uri.trim_end_matches('/')).find(|uri| uri.ends_with("/debian"));
    mirror.map(str::to_owned).ok_or_else(|| {
        "this machine's apt names no Debian mirror: put the compiler's source somewhere and name its `library` folder in \
         STANDSTILL_RUST_SRC"
            .to_owned()
    })
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    if status.success() { Ok(()) } else { Err(format!("{:?} ended with {status}", command.get_program())) }
}

fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{:?} ended with {}: {}", command.get_program(), output.status, said.trim()));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("{:?}: {error}", command.get_program()))
}
