//! The engine's codec traits over [`crate::wire`], and the ear of the network: whatever is decoded tells [`Heard`] which
//! heights others are at. It looks at signatures itself.

use std::sync::Arc;

use bytes::Bytes;
use malachite::app::consensus::LivenessMsg;
use malachite::app::streaming::{StreamContent, StreamMessage};
use malachite::app::types::codec::{Codec, HasEncodedLen};
use malachite::app::types::core::{PolkaCertificate, ValidatorProof};
use malachite::app::types::sync::{Request, Response, Status};
use malachite::app::types::{ProposedValue, SignedConsensusMsg};
use standstill_protocol::codec;
use wincode::config::DefaultConfig;
use wincode::{SchemaRead, SchemaWrite};

use crate::context::Chain;
use crate::heard::Heard;
use crate::parts::Part;
use crate::sync_wire::response_length;
use crate::wire::{WireError, Wired};

/// The codec of the network, with ears, or of the log, without.
#[derive(Clone, Debug, Default)]
pub(crate) struct Messages {
    pub(crate) heard: Option<Arc<Heard>>,
}

fn encode<T>(message: &T) -> Result<Bytes, WireError>
where
    T: Wired,
    T::Wire: SchemaWrite<DefaultConfig, Src = T::Wire>,
{
    Ok(codec::encode(&message.to_wire()?).into())
}

fn decode<T>(bytes: &[u8]) -> Result<T, WireError>
where
    T: Wired,
    T::Wire: for<'de> SchemaRead<'de, DefaultConfig, Dst = T::Wire> + SchemaWrite<DefaultConfig, Src = T::Wire>,
{
    T::from_wire(codec::decode(bytes, T::LIMIT)?)
}

/// What a message tells of the height that its sender has started.
trait Tells {
    fn tell(&self, _heard: &Heard) {}
}

impl Tells for SignedConsensusMsg<Chain> {
    fn tell(&self, heard: &Heard) {
        heard.message(self);
    }
}

impl Tells for LivenessMsg<Chain> {
    fn tell(&self, heard: &Heard) {
        // Certificates come with the votes of those who send them.
        if let LivenessMsg::Vote(vote) = self {
            heard.message(&SignedConsensusMsg::Vote(vote.clone()));
        }
    }
}

impl Tells for StreamMessage<Part> {
    fn tell(&self, heard: &Heard) {
        // Only the application knows who published an announcement.
        if let StreamContent::Data(Part::Opening(opening)) = &self.content {
            heard.opening(opening);
        }
    }
}

impl Tells for Status<Chain> {
    fn tell(&self, heard: &Heard) {
        heard.status(self.peer_id, self.tip_height.0);
    }
}

impl Tells for Part {}
impl Tells for ValidatorProof<Chain> {}
impl Tells for Request<Chain> {}
impl Tells for Response<Chain> {}
impl Tells for ProposedValue<Chain> {}
impl Tells for PolkaCertificate<Chain> {}

macro_rules! codecs {
    ($($message:ty),* $(,)?) => {$(
        impl Codec<$message> for Messages {
            type Error = WireError;

            fn decode(&self, bytes: Bytes) -> Result<$message, WireError> {
                let message: $message = decode(&bytes)?;
                if let Some(heard) = &self.heard {
                    message.tell(heard);
                }
                Ok(message)
            }

            fn encode(&self, message: &$message) -> Result<Bytes, WireError> {
                encode(message)
            }
        }
    )*};
}

codecs!(
    SignedConsensusMsg<Chain>,
    LivenessMsg<Chain>,
    Part,
    StreamMessage<Part>,
    ValidatorProof<Chain>,
    Status<Chain>,
    Request<Chain>,
    Response<Chain>,
    ProposedValue<Chain>,
    PolkaCertificate<Chain>,
);

impl HasEncodedLen<Response<Chain>> for Messages {
    fn encoded_len(&self, response: &Response<Chain>) -> Result<usize, WireError> {
        Ok(response_length(response))
    }
}
