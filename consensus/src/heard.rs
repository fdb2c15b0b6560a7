//! What has been heard of heights to come.
//!
//! Every message that the codec decodes for the network passes here, so that a node which waits for work joins as soon
//! as any other validator has started the next height (a vote, a proposal, an announcement) or has passed it (a sync
//! status). What is heard is not verified: peers are the listed validators, and the most that one of them gains by lying
//! is the next few blocks earlier than the heartbeat, which it could also have by voting.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// Heights this far above the tip count as the limit itself, so that one wild claim is forgotten after as many blocks.
const AHEAD: u64 = 4;

/// The highest started height that others told of.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    tip: AtomicU64,
    started: AtomicU64,
    news: Notify,
}

impl Heard {
    /// Somebody started `height`.
    pub(crate) fn started(&self, height: u64) {
        let tip = self.tip.load(Ordering::Acquire);
        if height > tip {
            let height = height.min(tip.saturating_add(AHEAD));
            if self.started.fetch_max(height, Ordering::AcqRel) < height {
                self.news.notify_one();
            }
        }
    }

    /// This node committed `height`.
    pub(crate) fn committed(&self, height: u64) {
        self.tip.fetch_max(height, Ordering::AcqRel);
    }

    /// Whether somebody started a height above the tip.
    pub(crate) fn is_ahead(&self) -> bool {
        self.started.load(Ordering::Acquire) > self.tip.load(Ordering::Acquire)
    }

    /// Waits until more was heard.
    pub(crate) async fn news(&self) {
        self.news.notified().await;
    }
}
