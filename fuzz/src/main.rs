//! Everything that reads other people's bytes, under libFuzzer.
//!
//! One binary holds every target; `STANDSTILL_FUZZ` names the one to run:
//!
//! | `STANDSTILL_FUZZ` | what happens |
//! |---|---|
//! | `list` | prints the targets, a line each |
//! | `seed` | writes the samples and vectors of this repository into `corpus/<target>/`, in the working folder |
//! | a target | libFuzzer runs it, with libFuzzer's own arguments |
//!
//! `cargo xtask fuzz` builds it and does all three. A format that an importer adds is a target without further ado.

#![no_main]

mod seeds;
mod targets;

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

use targets::Target;

static TARGET: OnceLock<Target> = OnceLock::new();

fuzz_target!(
    init: {
        let chosen = std::env::var("STANDSTILL_FUZZ").unwrap_or_default();
        match chosen.as_str() {
            "list" => {
                targets::all().for_each(|target| println!("{}", target.name()));
                std::process::exit(0);
            }
            "seed" => {
                let code = seeds::write().map_or_else(|error| { eprintln!("error: {error}"); 1 }, |()| 0);
                std::process::exit(code);
            }
            name => match targets::all().find(|target| target.name() == name) {
                Some(target) => { let _ = TARGET.set(target); }
                None => {
                    eprintln!("error: STANDSTILL_FUZZ is `{name}`, which is no target: `list` prints them");
                    std::process::exit(2);
                }
            },
        }
    },
    |data: &[u8]| {
        if let Some(target) = TARGET.get() {
            target.run(data);
        }
    }
);
