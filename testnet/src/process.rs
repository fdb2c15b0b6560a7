//! One node as a child process.
//!
//! The child is in a process group of its own, so that Ctrl-C reaches the parent alone, which then stops its nodes in order.
//! Its standard input is a pipe that nobody writes to: the child stops when it closes, which it does however the parent ends.

use std::fs::OpenOptions;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::error::{TestnetError, io};

/// How long a node may take to stop before it is killed.
const STOP_WITHIN: Duration = Duration::from_secs(5);
/// How often a stopping child is asked whether it has ended.
const ASK_EVERY: Duration = Duration::from_millis(10);

/// A running child.
#[derive(Debug)]
pub(crate) struct NodeProcess {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl NodeProcess {
    /// Starts `executable __node --home HOME`, its output appended to `log`.
    pub(crate) fn spawn(executable: &Path, home: &Path, log: &PathBuf) -> Result<Self, TestnetError> {
        let file = OpenOptions::new().create(true).append(true).open(log).map_err(io("open", log))?;
        let errors = file.try_clone().map_err(io("open", log))?;
        let mut child = Command::new(executable)
            .arg(crate::worker::SUBCOMMAND)
            .arg("--home")
            .arg(home)
            .stdin(Stdio::piped())
            .stdout(file)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(io("start", executable))?;
        let stdin = child.stdin.take();
        Ok(NodeProcess { child, stdin })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The exit status, once the child has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// `kill -9`, and waits for the end.
    pub(crate) fn kill(mut self) {
        self.kill_now();
    }

    /// Closes the pipe; [`NodeProcess::stop`] then waits. Asking all nodes first lets them stop together.
    pub(crate) fn ask_to_stop(&mut self) {
        self.stdin = None;
    }

    /// Asks the child to stop, waits, and kills it if it takes too long.
    pub(crate) fn stop(mut self) {
        self.ask_to_stop();
        let deadline = Instant::now() + STOP_WITHIN;
        while self.ended().is_none() && Instant::now() < deadline {
            std::thread::sleep(ASK_EVERY);
        }
    }

    fn kill_now(&mut self) {
        // Both fail only when the child has already ended and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        if self.ended().is_none() {
            self.kill_now();
        }
    }
}
