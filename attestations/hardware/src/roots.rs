//! The vendors' roots: whose word a report finally rests on.
//!
//! | root | SHA-256 of its DER |
//! |---|---|
//! | NVIDIA Device Identity CA | `102bf659d5419614c9d8e6aecebc80454eb26b1df6a769ac720b9a690b167b48` |
//! | AMD ARK-Milan | `69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd` |
//! | AMD ARK-Genoa | `4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1` |
//! | AMD ARK-Turin | `1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a` |
//! | Intel SGX Root CA | `44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3` |
//!
//! A root is trusted for saying which keys are in its chips. Its owner, and whoever has its key, can make evidence for
//! chips that do not exist. A treaty may name others instead.

use standstill_protocol::hash::Hash;

use crate::Technology;

/// NVIDIA Device Identity CA, PEM; from NVIDIA/nvtrust, commit 028173093.
pub const NVIDIA_DEVICE_IDENTITY_CA: &str = include_str!("../roots/nvidia-device-identity-ca.pem");
/// ARK-Milan (EPYC 7003), PEM; from <https://kdsintf.amd.com/vcek/v1/Milan/cert_chain>.
pub const AMD_ARK_MILAN: &str = include_str!("../roots/amd-ark-milan.pem");
/// ARK-Genoa (EPYC 9004), PEM; from <https://kdsintf.amd.com/vcek/v1/Genoa/cert_chain>.
pub const AMD_ARK_GENOA: &str = include_str!("../roots/amd-ark-genoa.pem");
/// ARK-Turin (EPYC 9005), PEM; from <https://kdsintf.amd.com/vcek/v1/Turin/cert_chain>.
pub const AMD_ARK_TURIN: &str = include_str!("../roots/amd-ark-turin.pem");
/// Intel SGX Root CA, PEM; from <https://certificates.trustedservices.intel.com/>.
pub const INTEL_SGX_ROOT_CA: &str = include_str!("../roots/intel-sgx-root-ca.pem");

const NVIDIA: [[u8; 32]; 1] = [[
    0x10, 0x2b, 0xf6, 0x59, 0xd5, 0x41, 0x96, 0x14, 0xc9, 0xd8, 0xe6, 0xae, 0xce, 0xbc, 0x80, 0x45, 0x4e, 0xb2, 0x6b,
    0x1d, 0xf6, 0xa7, 0x69, 0xac, 0x72, 0x0b, 0x9a, 0x69, 0x0b, 0x16, 0x7b, 0x48,
]];
const AMD: [[u8; 32]; 3] = [
    [
        0x69, 0xd0, 0x63, 0xb4, 0x53, 0x44, 0xd2, 0x6a, 0x2e, 0x94, 0xe1, 0xf4, 0x21, 0x0d, 0xe4, 0x9e, 0xf5, 0x55,
        0x30, 0x82, 0x87, 0xd4, 0xc1, 0x74, 0x44, 0x5c, 0x95, 0x63, 0x9a, 0x54, 0x0b, 0xcd,
    ],
    [
        0x4c, 0x65, 0x98, 0xd1, 0x9c, 0x18, 0x71, 0x9c, 0x5d, 0xfd, 0x4a, 0x7d, 0x33, 0x5f, 0x67, 0x4e, 0x5b, 0xfe,
        0x1d, 0x8f, 0x80, 0x0c, 0xea, 0x2c, 0xf2, 0x70, 0xc1, 0x0d, 0x10, 0x3d, 0xb2, 0xf1,
    ],
    [
        0x1f, 0x08, 0x41, 0x61, 0xa4, 0x4b, 0xb6, 0xd9, 0x37, 0x78, 0xa9, 0x04, 0x87, 0x7d, 0x48, 0x19, 0xca, 0xfa,
        0x5d, 0x05, 0xef, 0x41, 0x93, 0xb2, 0xde, 0xd9, 0xdd, 0x9c, 0x73, 0xdd, 0x3f, 0x6a,
    ],
];
const INTEL: [[u8; 32]; 1] = [[
    0x44, 0xa0, 0x19, 0x6b, 0x2b, 0x99, 0xf8, 0x89, 0xb8, 0xe1, 0x49, 0xe9, 0x5b, 0x80, 0x7a, 0x35, 0x0e, 0x74, 0x24,
    0x96, 0x43, 0x99, 0xe8, 0x85, 0xa7, 0xcb, 0xb8, 0xcc, 0xfa, 0xb6, 0x74, 0xd3,
]];

/// Which roots count, by SHA-256 of their DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roots {
    /// For NVIDIA SPDM reports.
    pub nvidia: Vec<Hash>,
    /// For AMD SEV-SNP reports.
    pub amd: Vec<Hash>,
    /// For Intel TDX quotes.
    pub intel: Vec<Hash>,
}

impl Roots {
    /// The roots of the table above.
    pub fn pinned() -> Self {
        let all = |roots: &[[u8; 32]]| roots.iter().copied().map(Hash::from_bytes).collect();
        Roots { nvidia: all(&NVIDIA), amd: all(&AMD), intel: all(&INTEL) }
    }

    pub(crate) fn of(&self, technology: Technology) -> &[Hash] {
        match technology {
            Technology::NvidiaSpdm => &self.nvidia,
            Technology::AmdSevSnp => &self.amd,
            Technology::IntelTdx => &self.intel,
        }
    }
}

impl Default for Roots {
    fn default() -> Self {
        Self::pinned()
    }
}
