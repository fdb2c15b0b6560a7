//! Messages of sync as bytes: who has which heights, and blocks with their certificates for a node that was away.
//!
//! The same rules as [`crate::wire`]. A body over [`PIECE_BYTES`] is cut into pieces, because the codec allocates at most
//! 4 MiB at once.

use malachite::app::types::PeerId;
use malachite::app::types::core::{ExtendedCommitCertificate, ExtendedCommitSignature, Round};
use malachite::app::types::sync::{RawDecidedValue, Request, Response, Status};
use malachite_sync::{ValueRequest, ValueResponse};
use standstill_protocol::certificate::{Certificate, CommitSignature};
use standstill_protocol::validators::MAX_VALIDATORS;
use wincode::{SchemaRead, SchemaWrite};

use crate::context::{At, Chain, Who};
use crate::wire::{WireError, Wired, bounded, defined};

/// Bytes of one piece of a body in a sync response; only the last piece is shorter.
pub(crate) const PIECE_BYTES: usize = 1 << 20;
/// Values in one sync response, at most.
pub(crate) const MAX_VALUES: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct StatusWire {
    peer_id: Vec<u8>,
    tip: u64,
    earliest: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct RequestWire {
    first: u64,
    last: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct DecidedWire {
    pieces: Vec<Vec<u8>>,
    certificate: Certificate,
}

#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct ResponseWire {
    first: u64,
    values: Vec<DecidedWire>,
}

impl Wired for Status<Chain> {
    type Wire = StatusWire;
    const LIMIT: usize = 256;

    fn to_wire(&self) -> Result<StatusWire, WireError> {
        Ok(StatusWire { peer_id: self.peer_id.to_bytes(), tip: self.tip_height.0, earliest: self.history_min_height.0 })
    }

    fn from_wire(wire: StatusWire) -> Result<Self, WireError> {
        let peer_id = PeerId::from_bytes(&wire.peer_id).map_err(|_| WireError::PeerId)?;
        Ok(Status { peer_id, tip_height: At(wire.tip), history_min_height: At(wire.earliest) })
    }
}

impl Wired for Request<Chain> {
    type Wire = RequestWire;
    const LIMIT: usize = 64;

    fn to_wire(&self) -> Result<RequestWire, WireError> {
        let Request::ValueRequest(ValueRequest { range }) = self;
        Ok(RequestWire { first: range.start().0, last: range.end().0 })
    }

    fn from_wire(wire: RequestWire) -> Result<Self, WireError> {
        Ok(Request::ValueRequest(ValueRequest::new(At(wire.first)..=At(wire.last))))
    }
}

impl Wired for Response<Chain> {
    type Wire = ResponseWire;
    const LIMIT: usize = 24 << 20;

    fn to_wire(&self) -> Result<ResponseWire, WireError> {
        let Response::ValueResponse(ValueResponse { start_height, values }) = self;
        let values = values.iter().map(decided_to_wire).collect::<Result<_, WireError>>()?;
        Ok(ResponseWire { first: start_height.0, values })
    }

    fn from_wire(wire: ResponseWire) -> Result<Self, WireError> {
        bounded(wire.values.len(), MAX_VALUES)?;
        let values = wire.values.into_iter().map(decided_from_wire).collect::<Result<_, WireError>>()?;
        Ok(Response::ValueResponse(ValueResponse::new(At(wire.first), values)))
    }
}

fn decided_to_wire(value: &RawDecidedValue<Chain>) -> Result<DecidedWire, WireError> {
    Ok(DecidedWire {
        pieces: value.value_bytes.chunks(PIECE_BYTES).map(<[u8]>::to_vec).collect(),
        certificate: extended_to_certificate(&value.certificate)?,
    })
}

fn decided_from_wire(wire: DecidedWire) -> Result<RawDecidedValue<Chain>, WireError> {
    bounded(wire.certificate.signatures.len(), MAX_VALIDATORS)?;
    if let Some((last, full)) = wire.pieces.split_last()
        && (last.is_empty() || last.len() > PIECE_BYTES || full.iter().any(|piece| piece.len() != PIECE_BYTES))
    {
        return Err(WireError::Pieces);
    }
    Ok(RawDecidedValue::new(wire.pieces.concat().into(), extended_from_certificate(&wire.certificate)))
}

/// Length of an encoded response, without encoding it.
pub(crate) fn response_length(response: &Response<Chain>) -> usize {
    let Response::ValueResponse(ValueResponse { values, .. }) = response;
    let value = |value: &RawDecidedValue<Chain>| {
        let pieces = value.value_bytes.len().div_ceil(PIECE_BYTES);
        // Counts are u64; a certificate is height 8, round 4, hash 32 and its count, then 20 + 64 a signature.
        8 + 8 * pieces + value.value_bytes.len() + 52 + 84 * value.certificate.commit_signatures.len()
    };
    16 + values.iter().map(value).sum::<usize>()
}

fn extended_to_certificate(certificate: &ExtendedCommitCertificate<Chain>) -> Result<Certificate, WireError> {
    if certificate.commit_signatures.iter().any(|entry| entry.extension.is_some()) {
        return Err(WireError::Extension);
    }
    let signature = |entry: &ExtendedCommitSignature<Chain>| CommitSignature {
        address: entry.address.0,
        signature: entry.signature,
    };
    Ok(Certificate {
        height: certificate.height.0,
        round: defined(certificate.round)?,
        block: certificate.value_id,
        signatures: certificate.commit_signatures.iter().map(signature).collect(),
    })
}

/// Our certificate as the engine's, for a node that catches up.
pub(crate) fn extended_from_certificate(certificate: &Certificate) -> ExtendedCommitCertificate<Chain> {
    let signature = |entry: &CommitSignature| ExtendedCommitSignature::new(Who(entry.address), entry.signature, None);
    ExtendedCommitCertificate {
        height: At(certificate.height),
        round: Round::new(certificate.round),
        value_id: certificate.block,
        commit_signatures: certificate.signatures.iter().map(signature).collect(),
    }
}
