//! Megatron-LM and its descendants: `progress.txt`, and the lines of a training log.
//!
//! ```text
//! progress.txt   2027-01-04 09:00:12⇥Job ID: 41⇥# GPUs: 384⇥Starting job
//!                2027-01-04 21:10:40⇥Job ID: 41⇥# GPUs: 384⇥Saved checkpoint⇥Iteration: 1000⇥Job throughput: 109.8 TFLOP/s/GPU⇥
//!                   Cumulative throughput: 109.8 TFLOP/s/GPU⇥Floating-point operations: 4.44e+21⇥Tokens (in billions): 4.19
//! log            iteration    12695/  115311 | consumed samples:  9841584 | consumed tokens:  20155564032 |
//!                   elapsed time per iteration (s): 105.22 | global batch size:  2048 | … | TFLOPs: 149.02 |
//! ```
//!
//! What to know about it (Megatron-LM `training.py: num_floating_point_operations`, `append_to_progress_log`):
//!
//! * `progress.txt` counts the model's own operations, cumulative, in three digits: the last digit is an interval. Its
//!   times have no zone.
//! * A job that restarts loads an earlier checkpoint: an iteration that does not go on from the last saved one was
//!   trained again. What was thrown away lies between the two counts.
//! * In a log, an iteration that stands twice was trained twice: its tokens count once toward the model, and once as
//!   discarded for each time more.
//! * `TFLOPs` of Megatron-DeepSpeed counts recomputed activations (`8 x parameters x tokens`): BLOOM-176B printed 149.02
//!   where its model's own operations were 109.8 on 384 GPUs. It is never taken as the model's.
//! * `consumed tokens` is a count since the start of training; `consumed samples` is left, for its length is elsewhere.

mod log;
mod progress;

pub use log::FORMAT as FORMAT_LOG;
pub(crate) use log::{contribution as contribution_log, detect as detect_log};
pub use progress::FORMAT as FORMAT_PROGRESS;
pub(crate) use progress::{contribution as contribution_progress, detect as detect_progress};
