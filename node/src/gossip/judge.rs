//! Checking what came in, on a blocking thread beside the swarm.

use std::sync::Arc;

use libp2p::PeerId;
use libp2p::gossipsub::MessageId;
use standstill_ledger::Refusal;
use tokio::sync::mpsc;

use super::messages::{Batch, Reply};
use crate::clock;
use crate::cosign::{CosignError, Cosigner, Received};
use crate::replica::{Replica, SubmitError};

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

/// What it is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Judgement {
    /// An honest node may have sent it; this one has no use for it.
    Unclear,
    /// Pass it on: some of it is of use, and none of it bad.
    Good,
    /// No honest node sends this.
    Bad,
}

/// The answer to a [`Question`].
#[derive(Debug)]
pub(super) struct Judged {
    /// The gossip message that it is about.
    pub(super) message: Option<(PeerId, MessageId)>,
    /// What it is worth.
    pub(super) judgement: Judgement,
    /// A peer that has more to tell.
    pub(super) ask: Option<PeerId>,
}

/// Starts the checking thread. It ends when the sender is dropped.
pub(super) fn start(
    replica: Arc<Replica>,
    cosigner: Arc<Cosigner>,
    capacity: usize,
) -> (mpsc::Sender<Question>, mpsc::Receiver<Judged>) {
    let (questions, mut asked) = mpsc::channel::<Question>(capacity);
    let (answers, judged) = mpsc::channel(capacity);
    tokio::task::spawn_blocking(move || {
        while let Some(question) = asked.blocking_recv() {
            if answers.blocking_send(judge(&replica, &cosigner, question)).is_err() {
                return;
            }
        }
    });
    (questions, judged)
}

fn judge(replica: &Replica, cosigner: &Cosigner, question: Question) -> Judged {
    match question {
        Question::Envelopes { source, id, bytes } => {
            let judgement = Batch::decode(&bytes).map_or(Judgement::Bad, |batch| envelopes(replica, &batch.envelopes));
            Judged { message: Some((source, id)), judgement, ask: None }
        }
        Question::Note { source, id, bytes } => {
            Judged { message: Some((source, id)), judgement: note(cosigner, &bytes), ask: None }
        }
        Question::Reply { source, reply } => {
            let before = replica.pool_size().0;
            let judgement = envelopes(replica, &reply.envelopes);
            for bytes in &reply.notes {
                note(cosigner, bytes);
            }
            if let Some(bytes) = &reply.checkpoint {
                checkpoint(cosigner, bytes);
            }
            // Only a peer whose last answer brought something is asked on at once: nobody keeps this node busy.
            let ask = (reply.more && replica.pool_size().0 > before).then_some(source);
            Judged { message: None, judgement, ask }
        }
    }
}

/// What a batch is worth.
pub(crate) fn envelopes(replica: &Replica, envelopes: &[Vec<u8>]) -> Judgement {
    let results = replica.submit_each(envelopes, clock::now());
    results.into_iter().map(envelope_is).max().unwrap_or(Judgement::Unclear)
}

fn envelope_is(result: Result<crate::replica::Taken, SubmitError>) -> Judgement {
    match result {
        // A known one is good too: the batch around it may hold others that the next node lacks.
        Ok(_) => Judgement::Good,
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
    match cosigner.receive(bytes) {
        Ok(Received::Kept) => Judgement::Good,
        // Forwarded although this node cannot compare it yet: both signatures are those of a validator.
        Ok(Received::Early) => Judgement::Good,
        Err(CosignError::Foreign { .. } | CosignError::Misconduct { .. }) => Judgement::Bad,
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
