//! NVIDIA chips through NVML, whose library is looked for when the meter starts: nothing links it.
//!
//! Energy is the chip's own counter since the driver was loaded, in millijoules (Volta and later). Tensor activity is
//! metric 5 of GPM (Hopper and later), a percentage as a double: it is rounded to the nearest part per million here, and
//! nowhere else does a float appear. Where GPM is not there or not permitted, NVML's utilisation is read: the share of
//! time in which any kernel ran.

use std::ffi::OsStr;

use nvml_wrapper::enums::gpm::GpmMetricId;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::gpm::{GpmSample, gpm_metrics_get};
use nvml_wrapper::{Device, Nvml};

use crate::meter::{Absent, Answer, Chip, Driver};

/// The names under which drivers install the library: the second only comes with development files.
const LIBRARIES: [&str; 2] = ["libnvidia-ml.so.1", "libnvidia-ml.so"];

/// Why chips cannot be read at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NvmlUnavailable {
    /// The library is not there.
    #[error("there is no NVIDIA driver on this machine: {reason}")]
    NoLibrary {
        /// What the loader said of the last name tried.
        reason: String,
    },
    /// The library is there, and the driver does not answer.
    #[error("the NVIDIA driver does not answer: {reason}")]
    NoDriver {
        /// What the library said.
        reason: String,
    },
    /// The driver answers, and there is no chip.
    #[error("the NVIDIA driver lists no chip")]
    NoChips,
}

impl NvmlUnavailable {
    /// What a person can do about it: one line, no full stop.
    pub const fn hint(&self) -> &'static str {
        match self {
            NvmlUnavailable::NoLibrary { .. } => {
                "run the meter on the machine that has the chips; in a container, give it the driver's libraries"
            }
            NvmlUnavailable::NoDriver { .. } => {
                "`nvidia-smi` says more: the module may not be loaded, or of another version"
            }
            NvmlUnavailable::NoChips => "`nvidia-smi -L` lists the chips; in a container, give it the devices",
        }
    }
}

/// Loads the library and starts it: `library`, or the names that drivers install.
pub fn load(library: Option<&OsStr>) -> Result<Nvml, NvmlUnavailable> {
    let names: Vec<&OsStr> = match library {
        Some(library) => vec![library],
        None => LIBRARIES.iter().map(|name| OsStr::new(*name)).collect(),
    };
    let mut missing = String::new();
    for name in names {
        match Nvml::builder().lib_path(name).init() {
            Ok(nvml) => return Ok(nvml),
            Err(NvmlError::LibloadingError(error)) => missing = error.to_string(),
            Err(error) => return Err(NvmlUnavailable::NoDriver { reason: error.to_string() }),
        }
    }
    Err(NvmlUnavailable::NoLibrary { reason: missing })
}

/// The chips that NVML lists.
#[derive(Debug)]
pub struct NvmlDriver<'nvml> {
    nvml: &'nvml Nvml,
    chips: Vec<Chip>,
    slots: Vec<Slot<'nvml>>,
}

#[derive(Debug)]
struct Slot<'nvml> {
    device: Device<'nvml>,
    /// The look before, which a share is counted from.
    before: Option<GpmSample<'nvml>>,
}

impl<'nvml> NvmlDriver<'nvml> {
    /// Lists the chips.
    pub fn new(nvml: &'nvml Nvml) -> Result<Self, NvmlUnavailable> {
        let silent = |error: NvmlError| NvmlUnavailable::NoDriver { reason: error.to_string() };
        let (mut chips, mut slots) = (Vec::new(), Vec::new());
        for index in 0..nvml.device_count().map_err(silent)? {
            let device = nvml.device_by_index(index).map_err(silent)?;
            let (uuid, model) = (device.uuid().map_err(silent)?, device.name().map_err(silent)?);
            chips.push(Chip { uuid, serial: device.serial().ok(), model });
            slots.push(Slot { device, before: None });
        }
        if chips.is_empty() {
            return Err(NvmlUnavailable::NoChips);
        }
        Ok(NvmlDriver { nvml, chips, slots })
    }
}

impl Driver for NvmlDriver<'_> {
    fn chips(&self) -> &[Chip] {
        &self.chips
    }

    fn ask(&mut self, chip: usize) -> Answer {
        let nvml = self.nvml;
        let Some(slot) = self.slots.get_mut(chip) else {
            let absent = || Err(Absent::NotSupported);
            return Answer { energy_mj: absent(), power_mw: absent(), tensor_ppm: absent(), utilisation_ppm: absent() };
        };
        Answer {
            energy_mj: slot.device.total_energy_consumption().map_err(absent),
            power_mw: slot.device.power_usage().map(u64::from).map_err(absent),
            tensor_ppm: slot.tensor(nvml),
            utilisation_ppm: slot.device.utilization_rates().map(|rates| u64::from(rates.gpu) * 10_000).map_err(absent),
        }
    }
}

impl<'nvml> Slot<'nvml> {
    /// Share of time since the look before in which the tensor pipes were active.
    fn tensor(&mut self, nvml: &'nvml Nvml) -> Result<u64, Absent> {
        if !self.device.gpm_support().map_err(absent)? {
            return Err(Absent::NotSupported);
        }
        let now = self.device.gpm_sample().map_err(absent)?;
        let before = self.before.take();
        let share = before.map(|before| {
            let metrics = gpm_metrics_get(nvml, &before, &now, &[GpmMetricId::AnyTensorUtil]).map_err(absent)?;
            let metric = metrics.into_iter().next().ok_or(Absent::NotSupported)?.map_err(absent)?;
            ppm_of_percent(metric.value)
        });
        self.before = Some(now);
        share.unwrap_or(Err(Absent::NotYet))
    }
}

/// A percentage as parts per million, to the nearest.
fn ppm_of_percent(percent: f64) -> Result<u64, Absent> {
    if !(0.0..=100.0).contains(&percent) {
        return Err(Absent::Failed(format!("the driver says {percent} percent")));
    }
    // 0 to 1,000,000: the cast loses nothing.
    Ok((percent * 10_000.0).round() as u64)
}

fn absent(error: NvmlError) -> Absent {
    match error {
        NvmlError::NotSupported | NvmlError::FunctionNotFound | NvmlError::FailedToLoadSymbol(_) => {
            Absent::NotSupported
        }
        NvmlError::NoPermission => Absent::NoPermission,
        other => Absent::Failed(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_is_not_there_is_said_so() {
        let refused = load(Some(OsStr::new("/nonexistent/libnvidia-ml.so.1"))).unwrap_err();
        assert!(matches!(refused, NvmlUnavailable::NoLibrary { .. }), "{refused}");
        assert!(refused.to_string().contains("/nonexistent/libnvidia-ml.so.1"), "{refused}");
    }

    #[test]
    fn a_percentage_becomes_parts_per_million_and_nonsense_is_no_number() {
        assert_eq!(ppm_of_percent(57.4842), Ok(574_842));
        assert_eq!((ppm_of_percent(0.0), ppm_of_percent(100.0)), (Ok(0), Ok(1_000_000)));
        for nonsense in [f64::NAN, f64::INFINITY, -0.1, 100.1] {
            assert!(matches!(ppm_of_percent(nonsense), Err(Absent::Failed(_))), "{nonsense}");
        }
    }
}
