//! Zip archives of which single members are read, each bounded before and while it is unpacked.

use std::io::{Cursor, Read};

use crate::error::ImportError;
use crate::{MAX_FILE_BYTES, MAX_MEMBER_BYTES, MAX_MEMBERS};

/// An archive in memory.
pub(crate) struct Archive<'a> {
    file: &'a str,
    zip: zip::ZipArchive<Cursor<&'a [u8]>>,
}

impl<'a> Archive<'a> {
    /// Whether the bytes start as a zip archive does.
    pub(crate) fn looks_like(bytes: &[u8]) -> bool {
        bytes.starts_with(b"PK\x03\x04")
    }

    /// Reads the directory. An archive with two members of one name is refused: readers would differ on which counts.
    pub(crate) fn open(file: &'a str, bytes: &'a [u8]) -> Result<Self, ImportError> {
        if bytes.len() > MAX_FILE_BYTES {
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            return Err(ImportError::TooLarge { file: file.to_owned(), length, limit: MAX_FILE_BYTES });
        }
        let refused = |reason: String| ImportError::Archive { file: file.to_owned(), reason };
        // Every row of the directory opens with these bytes: counted before the reader allocates for each.
        let rows = bytes.windows(4).filter(|window| window == b"PK\x01\x02").take(MAX_MEMBERS + 1).count();
        if rows > MAX_MEMBERS {
            return Err(refused(format!("more than {MAX_MEMBERS} members")));
        }
        let zip = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| refused(error.to_string()))?;
        if zip.has_duplicate_names() {
            return Err(refused("two members have the same name".to_owned()));
        }
        Ok(Archive { file, zip })
    }

    /// How many members lie under `prefix`.
    pub(crate) fn count_under(&self, prefix: &str) -> usize {
        self.zip.file_names_raw().filter(|name| name.starts_with(prefix.as_bytes())).count()
    }

    /// Unpacks one member; its stated size is checked first and its real size while it is read.
    pub(crate) fn member(&mut self, name: &'static str) -> Result<Vec<u8>, ImportError> {
        let file = self.file.to_owned();
        let Some(index) = self.zip.index_for_name(name) else {
            return Err(ImportError::MemberMissing { file, member: name });
        };
        let refused = |reason: String| ImportError::Archive { file: file.clone(), reason };
        let too_large = |length| ImportError::TooLarge { file: file.clone(), length, limit: MAX_MEMBER_BYTES };
        let limit = u64::try_from(MAX_MEMBER_BYTES).unwrap_or(u64::MAX);
        let member = self.zip.by_index(index).map_err(|error| refused(error.to_string()))?;
        if member.size() > limit {
            return Err(too_large(member.size()));
        }
        let mut bytes = Vec::new();
        // One byte more than allowed tells a member that lies about its size.
        member.take(limit + 1).read_to_end(&mut bytes).map_err(|error| refused(format!("`{name}`: {error}")))?;
        if bytes.len() > MAX_MEMBER_BYTES {
            return Err(too_large(limit + 1));
        }
        Ok(bytes)
    }
}
