//! Questions and answers: length-prefixed messages on a stream, `length u32 LE, bytes`. The length is checked before
//! anything is allocated.

use std::io;

use async_trait::async_trait;
use libp2p::StreamProtocol;
use libp2p::futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::request_response::Codec;
use standstill_protocol::codec;

use super::messages::{MAX_REPLY_BYTES, MAX_REPLY_ENVELOPES, MAX_REPLY_NOTES, MAX_REQUEST_BYTES, Reply, Request};
use crate::cosign::Cosigner;
use crate::replica::Replica;

/// The codec of the pool exchange.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ExchangeCodec;

fn invalid(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

async fn read<T: AsyncRead + Unpin + Send>(io: &mut T, limit: usize) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    io.read_exact(&mut length).await?;
    let length = u32::from_le_bytes(length) as usize;
    if length > limit {
        return Err(invalid(format!("{length} bytes exceed the limit of {limit}")));
    }
    let mut bytes = vec![0; length];
    io.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn write<T: AsyncWrite + Unpin + Send>(io: &mut T, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(invalid)?;
    io.write_all(&length.to_le_bytes()).await?;
    io.write_all(bytes).await?;
    io.close().await
}

#[async_trait]
impl Codec for ExchangeCodec {
    type Protocol = StreamProtocol;
    type Request = Request;
    type Response = Reply;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Request>
    where
        T: AsyncRead + Unpin + Send,
    {
        Request::decode(&read(io, MAX_REQUEST_BYTES).await?).map_err(invalid)
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Reply>
    where
        T: AsyncRead + Unpin + Send,
    {
        Reply::decode(&read(io, MAX_REPLY_BYTES).await?).map_err(invalid)
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, request: Request) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write(io, &request.encode()).await
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, reply: Reply) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write(io, &reply.encode()).await
    }
}

/// What this node has that the asker lacks.
pub(super) fn reply_to(replica: &Replica, cosigner: &Cosigner, request: Request) -> Reply {
    let known = request.known.into_iter().collect();
    let (envelopes, more) = replica.with_pool(|pool| pool.missing_from(&known, MAX_REPLY_ENVELOPES));
    let notes = cosigner.notes_from(request.cosigned, MAX_REPLY_NOTES);
    let newest = cosigner.checkpoint().ok().flatten();
    let checkpoint = newest.filter(|(size, _)| *size > request.cosigned).map(|(_, note)| note);
    let height = replica.tip().borrow().height;
    let tip = replica.store().certificate(height).ok().flatten().map(|certificate| codec::encode(&certificate));
    Reply { envelopes, notes, checkpoint, more, tip }
}
