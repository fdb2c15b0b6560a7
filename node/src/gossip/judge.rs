//! Checking what came in, on a blocking thread beside the swarm.

use std::sync::Arc;

use libp2p::PeerId;
use libp2p::gossipsub::MessageId;
use standstill_ledger::Refusal;
use standstill_protocol::certificate::Certificate;
use standstill_protocol::codec;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::inbox::Inbox;
use super::messages::{Batch, MAX_CERTIFICATE_BYTES, Reply, content};
use crate::clock;
use crate::cosign::{CosignError, Cosigner, Received};
use crate::replica::{Replica, SubmitError};

/// Answers that wait for the swarm, at most.
const MAX_ANSWERS: usize = 256;

/// Something that came in.
#[derive(Debug)]
pub(super) enum Question {
    /// A batch of envelopes.
    Envelopes { source: PeerId, id: MessageId, bytes: Vec<u8> },
    /// A validator's note.
    Note { source: PeerId, id: MessageId, bytes: Vec<u8> },
    /// The answer to a question of ours.
    Reply { source: PeerId, reply: Reply },
}

impl Question {
    /// Who sent it.
    pub(super) fn source(&self) -> PeerId {
        match self {
            Question::Envelopes { source, .. } | Question::Note { source, .. } | Question::Reply { source, .. } => {
                *source
            }
        }
    }

    /// Bytes that it holds.
    pub(super) fn size(&self) -> usize {
        match self {
            Question::Envelopes { bytes, .. } | Question::Note { bytes, .. } => bytes.len(),
            Question::Reply { reply, .. } => reply.envelopes.iter().chain(&reply.notes).map(Vec::len).sum(),
        }
    }
}

/// What it is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Judgement {
    /// An honest node may have sent it; this one has no use for it.
    Unclear,
    /// Pass it on: some of it is new here, and none of it bad.
    Good,
    /// No honest node sends this.
    Bad,
}

/// The answer to a [`Question`].
#[derive(Debug)]
pub(super) struct Judged {
    /// The gossip message that it is about.
    pub(super) message: Option<(PeerId, MessageId)>,
    /// Who sent it.
    pub(super) source: PeerId,
    /// What it is worth.
    pub(super) judgement: Judgement,
    /// Whether the peer has more to tell.
    pub(super) ask: bool,
    /// The height that the peer proved to have reached.
    pub(super) tip: Option<u64>,
}

/// Starts the checking thread. It ends when the inbox is closed or the answers are no longer read.
pub(super) fn start(
    replica: Arc<Replica>,
    cosigner: Arc<Cosigner>,
    inbox: Arc<Inbox>,
) -> (mpsc::Receiver<Judged>, JoinHandle<()>) {
    let (answers, judged) = mpsc::channel(MAX_ANSWERS);
    let task = tokio::task::spawn_blocking(move || {
        while let Some(question) = inbox.pop() {
            if answers.blocking_send(judge(&replica, &cosigner, question)).is_err() {
                return;
            }
        }
    });
    (judged, task)
}

fn judge(replica: &Replica, cosigner: &Cosigner, question: Question) -> Judged {
    let source = question.source();
    match question {
        Question::Envelopes { id, bytes, .. } => {
            let batch = content(&bytes).and_then(|content| Batch::decode(content).ok());
            let judgement = batch.map_or(Judgement::Bad, |batch| envelopes(replica, &batch.envelopes));
            Judged { message: Some((source, id)), source, judgement, ask: false, tip: None }
        }
        Question::Note { id, bytes, .. } => {
            let judgement = content(&bytes).map_or(Judgement::Bad, |content| note(cosigner, content));
            Judged { message: Some((source, id)), source, judgement, ask: false, tip: None }
        }
        Question::Reply { reply, .. } => {
            let before = replica.pool_size().0;
            let judgement = match reply.envelopes.is_empty() {
                true => Judgement::Unclear,
                false => envelopes(replica, &reply.envelopes),
            };
            for bytes in &reply.notes {
                note(cosigner, bytes);
            }
            if let Some(bytes) = &reply.checkpoint {
                checkpoint(cosigner, bytes);
            }
            // Only a peer whose last answer brought something is asked on at once: nobody keeps this node busy.
            let ask = reply.more && replica.pool_size().0 > before;
            let tip = reply.tip.as_deref().map_or(Some(0), |bytes| proven_tip(replica, bytes));
            Judged { message: None, source, judgement, ask, tip }
        }
    }
}

/// The height of a certificate that holds.
fn proven_tip(replica: &Replica, bytes: &[u8]) -> Option<u64> {
    let certificate: Certificate = codec::decode(bytes, MAX_CERTIFICATE_BYTES).ok()?;
    if certificate.height <= replica.tip().borrow().height {
        // Not news: it need not be proved.
        return Some(certificate.height);
    }
    let rules = replica.rules();
    certificate.verify(&rules.chain_id(), rules.genesis_validators()).ok()?;
    Some(certificate.height)
}

/// What a batch is worth. Each envelope makes one batch good at most: whoever puts known ones together anew is not passed on.
pub(crate) fn envelopes(replica: &Replica, envelopes: &[Vec<u8>]) -> Judgement {
    let results = replica.submit_each(envelopes, clock::now());
    results.into_iter().map(envelope_is).max().unwrap_or(Judgement::Unclear)
}

fn envelope_is(result: Result<crate::replica::Taken, SubmitError>) -> Judgement {
    match result {
        Ok(taken) if taken.new => Judgement::Good,
        // Known ones may stand beside new ones; alone they are no reason to pass a batch on.
        Ok(_) => Judgement::Unclear,
        // These do not depend on how far this node's ledger has come, so their sender cannot have checked them.
        Err(SubmitError::Refused(
            Refusal::Envelope { .. }
            | Refusal::Statement { .. }
            | Refusal::WrongChain { .. }
            | Refusal::NotAMember { .. }
            | Refusal::BadSignature { .. },
        )) => Judgement::Bad,
        Err(SubmitError::Fault(fault)) => {
            tracing::error!(%fault, "an entry could not be checked");
            Judgement::Unclear
        }
        Err(_) => Judgement::Unclear,
    }
}

fn note(cosigner: &Cosigner, bytes: &[u8]) -> Judgement {
    match cosigner.receive(bytes, clock::now()) {
        Ok(Received::Kept) => Judgement::Good,
        // Forwarded although this node cannot compare it yet: both signatures are those of a validator.
        Ok(Received::Early) => Judgement::Good,
        Ok(Received::Useless) => Judgement::Unclear,
        Err(CosignError::Foreign { .. }) => Judgement::Bad,
        // The proof names who signed it. Who passed it on may not have had the block to compare with.
        Err(CosignError::Misconduct { .. }) => Judgement::Unclear,
        Err(error) => {
            tracing::error!(%error, "a cosignature could not be checked");
            Judgement::Unclear
        }
    }
}

fn checkpoint(cosigner: &Cosigner, bytes: &[u8]) {
    if let Err(error) = cosigner.receive_checkpoint(bytes) {
        tracing::warn!(%error, "a checkpoint of another node was not taken");
    }
}
