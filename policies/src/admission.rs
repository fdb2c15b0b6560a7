//! Admission: which modules may become clauses, and the named reason why one may not.
//!
//! The profile is WebAssembly 1.0 plus mutable globals, minus floats, imports and the start section, with a limit on
//! every count (policy rule 3). Validation is by a pinned `wasmparser`, never by an engine.

use wasmparser::{
    ConstExpr, DataKind, ElementItems, ElementKind, ExternalKind, FuncType, FuncValidatorAllocations, FunctionBody,
    Operator, Parser, Payload, ValType, ValidPayload, Validator, WasmFeatures,
};

/// Bytes of a module, at most.
pub const MAX_MODULE: usize = 1 << 20;

/// Why a module was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdmissionError {
    /// Over [`MAX_MODULE`].
    #[error("the module has {length} bytes; {MAX_MODULE} are allowed")]
    TooLarge {
        /// Bytes given.
        length: usize,
    },
    /// Not a valid core module under any feature set.
    #[error("not a valid WebAssembly module: {reason}")]
    Malformed {
        /// What the validator met, with its offset.
        reason: String,
    },
    /// The module imports something.
    #[error("the module imports `{module}.{name}`: clauses import nothing")]
    Import {
        /// Module of the import.
        module: String,
        /// Name of the import.
        name: String,
    },
    /// The module has a start function.
    #[error("the module has a start function: work belongs in `init`")]
    Start,
    /// The module uses floating point.
    #[error("the module uses floating point: {reason}")]
    Float {
        /// What the validator met, with its offset.
        reason: String,
    },
    /// The module uses a proposal beyond the profile (SIMD, bulk memory, sign extension, ...).
    #[error("the module uses a feature outside the clause profile: {reason}")]
    Feature {
        /// What the validator met, with its offset.
        reason: String,
    },
    /// A count over its limit.
    #[error("the module has {count} {what}; {limit} are allowed")]
    TooMany {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        count: u64,
        /// How many there may be.
        limit: u64,
    },
    /// A data or element segment that does not fit where it is put, or whose place is not a constant.
    #[error("a {what} segment does not lie inside the initial {what} bounds")]
    Segment {
        /// `memory` or `table`.
        what: &'static str,
    },
    /// An export that the interface needs is missing or has another type.
    #[error("the module must export `{name}` as {expected}")]
    Export {
        /// Name of the export.
        name: &'static str,
        /// Its type.
        expected: &'static str,
    },
    /// An export that the interface does not know.
    #[error("the module exports `{name}`, which the clause interface does not know")]
    UnknownExport {
        /// Name of the export.
        name: String,
    },
    /// This machine could not compile the module; says nothing about the module.
    #[error("this node could not compile the module: {reason}")]
    Compile {
        /// What the engine said.
        reason: String,
    },
}

/// WebAssembly 1.0 with mutable globals and without floats.
const PROFILE: WasmFeatures = WasmFeatures::WASM1.difference(WasmFeatures::FLOATS);
const PAGE: u64 = 65_536;

/// Limits on counts, by what they count.
const TYPES: (&str, u64) = ("types", 512);
const FUNCTIONS: (&str, u64) = ("functions", 4096);
const GLOBALS: (&str, u64) = ("globals", 512);
const TABLES: (&str, u64) = ("tables", 1);
const TABLE_ELEMENTS: (&str, u64) = ("table elements", 8192);
const MEMORIES: (&str, u64) = ("memories", 1);
const EXPORTS: (&str, u64) = ("exports", 64);
const SEGMENTS: (&str, u64) = ("segments", 2048);
const CUSTOM_SECTIONS: (&str, u64) = ("custom sections", 64);
/// Code bytes of one function. With the call depth it bounds the native stack: a compiler may give every value that lives
/// across a call a place of its own in the frame, however few slots the function declares.
const BODY_BYTES: (&str, u64) = ("bytes in one function", 64 * 1024);
const NESTING: (&str, u64) = ("nested blocks in one function", 256);
/// Locals and operands of one frame.
const SLOTS: (&str, u64) = ("stack slots in one function", 1024);

const I32: ValType = ValType::I32;
const I64: ValType = ValType::I64;

/// The functions of the interface: name, parameters, results, how the type is written.
const INTERFACE: [(&str, &[ValType], &[ValType], &str); 6] = [
    ("standstill_abi_1", &[], &[], "a function () -> ()"),
    ("alloc", &[I32], &[I32], "a function (i32) -> i32"),
    ("init", &[I32, I32, I32, I32], &[], "a function (i32, i32, i32, i32) -> ()"),
    ("step", &[I32, I32, I32], &[], "a function (i32, i32, i32) -> ()"),
    ("assess", &[I32, I64, I64], &[I64], "a function (i32, i64, i64) -> i64"),
    ("save", &[], &[I64], "a function () -> i64"),
];

/// Exports that linkers add by themselves; the meter drops them.
pub(crate) const LINKER_EXPORTS: [&str; 2] = ["__heap_base", "__data_end"];

/// What the pass has seen so far.
#[derive(Default)]
struct Seen {
    types: Vec<FuncType>,
    functions: Vec<u32>,
    exports: Vec<(String, ExternalKind, u32)>,
    memory_pages: u64,
    table_elements: u64,
    custom_sections: u64,
}

/// Checks a module against the profile; `memory_pages` is the host's limit.
pub(crate) fn check(wasm: &[u8], memory_pages: u32) -> Result<(), AdmissionError> {
    if wasm.len() > MAX_MODULE {
        return Err(AdmissionError::TooLarge { length: wasm.len() });
    }
    let refused = |error: wasmparser::BinaryReaderError| explain(wasm, &error);
    let mut validator = Validator::new_with_features(PROFILE);
    let mut allocations = FuncValidatorAllocations::default();
    let mut seen = Seen::default();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(refused)?;
        named(&payload, &mut seen, memory_pages)?;
        if let ValidPayload::Func(function, body) = validator.payload(&payload).map_err(refused)? {
            let mut function = function.into_validator(allocations);
            check_body(wasm, &mut function, &body)?;
            allocations = function.into_allocations();
        }
        sections(&payload, &mut seen).map_err(refused)??;
    }
    interface(&seen)
}

/// The reason behind a validator's error: floats, another proposal, or no module at all.
fn explain(wasm: &[u8], error: &wasmparser::BinaryReaderError) -> AdmissionError {
    let reason = format!("{} at byte {}", error.message(), error.offset());
    let valid = |features| Validator::new_with_features(features).validate_all(wasm).is_ok();
    if valid(PROFILE.union(WasmFeatures::FLOATS)) {
        AdmissionError::Float { reason }
    } else if valid(WasmFeatures::all()) {
        AdmissionError::Feature { reason }
    } else {
        AdmissionError::Malformed { reason }
    }
}

fn limit((what, limit): (&'static str, u64), count: u64) -> Result<(), AdmissionError> {
    if count > limit { Err(AdmissionError::TooMany { what, count, limit }) } else { Ok(()) }
}

/// Refusals that deserve their own name, before the validator sees the section.
fn named(payload: &Payload<'_>, seen: &mut Seen, memory_pages: u32) -> Result<(), AdmissionError> {
    match payload {
        Payload::ImportSection(imports) => {
            let import = imports.clone().into_imports().next().and_then(Result::ok);
            let (module, name) = import.map_or(("", ""), |import| (import.module, import.name));
            let shorten = |text: &str| text.chars().take(80).collect::<String>();
            if imports.count() > 0 {
                return Err(AdmissionError::Import { module: shorten(module), name: shorten(name) });
            }
            Ok(())
        }
        Payload::StartSection { .. } => Err(AdmissionError::Start),
        Payload::TypeSection(types) => limit(TYPES, types.count().into()),
        Payload::FunctionSection(functions) => limit(FUNCTIONS, functions.count().into()),
        Payload::GlobalSection(globals) => limit(GLOBALS, globals.count().into()),
        Payload::TableSection(tables) => limit(TABLES, tables.count().into()),
        Payload::ExportSection(exports) => limit(EXPORTS, exports.count().into()),
        Payload::ElementSection(segments) => limit(SEGMENTS, segments.count().into()),
        Payload::DataSection(segments) => limit(SEGMENTS, segments.count().into()),
        Payload::CodeSectionEntry(body) => limit(BODY_BYTES, body.as_bytes().len() as u64),
        Payload::CustomSection(_) => {
            seen.custom_sections += 1;
            limit(CUSTOM_SECTIONS, seen.custom_sections)
        }
        Payload::MemorySection(memories) => {
            limit(MEMORIES, memories.count().into())?;
            let first = memories.clone().into_iter().next().and_then(Result::ok);
            seen.memory_pages = first.map_or(0, |memory| memory.initial);
            limit(("initial memory pages", memory_pages.into()), seen.memory_pages)
        }
        _ => Ok(()),
    }
}

fn check_body(
    wasm: &[u8],
    function: &mut wasmparser::FuncValidator<wasmparser::ValidatorResources>,
    body: &FunctionBody<'_>,
) -> Result<(), AdmissionError> {
    let refused = |error: wasmparser::BinaryReaderError| explain(wasm, &error);
    let mut reader = body.get_binary_reader();
    function.read_locals(&mut reader).map_err(refused)?;
    let locals = u64::from(function.len_locals());
    limit(SLOTS, locals)?;
    let mut operators = wasmparser::OperatorsReader::new(reader);
    while !operators.eof() {
        let (operator, offset) = operators.read_with_offset().map_err(refused)?;
        function.op(offset, &operator).map_err(refused)?;
        limit(SLOTS, locals + u64::from(function.operand_stack_height()))?;
        limit(NESTING, function.control_stack_height().into())?;
    }
    operators.finish().map_err(refused)
}

type Parsed = Result<Result<(), AdmissionError>, wasmparser::BinaryReaderError>;

/// What later checks need, read from sections that the validator has passed.
fn sections(payload: &Payload<'_>, seen: &mut Seen) -> Parsed {
    match payload {
        Payload::TypeSection(types) => {
            for function in types.clone().into_iter_err_on_gc_types() {
                seen.types.push(function?);
            }
        }
        Payload::FunctionSection(functions) => {
            for index in functions.clone() {
                seen.functions.push(index?);
            }
        }
        Payload::TableSection(tables) => {
            for table in tables.clone() {
                seen.table_elements = table?.ty.initial;
            }
            return Ok(limit(TABLE_ELEMENTS, seen.table_elements));
        }
        Payload::ExportSection(exports) => {
            for export in exports.clone() {
                let export = export?;
                seen.exports.push((export.name.chars().take(80).collect(), export.kind, export.index));
            }
        }
        Payload::ElementSection(segments) => {
            for segment in segments.clone() {
                let segment = segment?;
                let count = match &segment.items {
                    ElementItems::Functions(items) => items.count(),
                    ElementItems::Expressions(_, items) => items.count(),
                };
                let ElementKind::Active { offset_expr, .. } = &segment.kind else { continue };
                if !fits(offset_expr, count.into(), seen.table_elements) {
                    return Ok(Err(AdmissionError::Segment { what: "table" }));
                }
            }
        }
        Payload::DataSection(segments) => {
            for segment in segments.clone() {
                let segment = segment?;
                let DataKind::Active { offset_expr, .. } = &segment.kind else { continue };
                if !fits(offset_expr, segment.data.len() as u64, seen.memory_pages * PAGE) {
                    return Ok(Err(AdmissionError::Segment { what: "memory" }));
                }
            }
        }
        _ => {}
    }
    Ok(Ok(()))
}

/// Whether a segment's offset is one constant and the segment ends within the bound, so that instantiation cannot trap.
fn fits(offset: &ConstExpr<'_>, length: u64, bound: u64) -> bool {
    let mut operators = offset.get_operators_reader();
    match (operators.read(), operators.read()) {
        (Ok(Operator::I32Const { value }), Ok(Operator::End)) => u64::from(value.cast_unsigned()) + length <= bound,
        _ => false,
    }
}

/// The exports are those of the interface, with their types, and nothing else.
fn interface(seen: &Seen) -> Result<(), AdmissionError> {
    let find = |name: &str| seen.exports.iter().find(|export| export.0 == name);
    if !find("memory").is_some_and(|(_, kind, _)| *kind == ExternalKind::Memory) {
        return Err(AdmissionError::Export { name: "memory", expected: "its memory" });
    }
    for (name, parameters, results, expected) in INTERFACE {
        let function = find(name).filter(|(_, kind, _)| *kind == ExternalKind::Func);
        let index = function.and_then(|(_, _, index)| seen.functions.get(usize::try_from(*index).ok()?));
        let found = index.and_then(|index| seen.types.get(usize::try_from(*index).ok()?));
        if !found.is_some_and(|found| found.params() == parameters && found.results() == results) {
            return Err(AdmissionError::Export { name, expected });
        }
    }
    let known = |name: &str| name == "memory" || INTERFACE.iter().any(|function| function.0 == name);
    let linkers = |(name, kind, _): &&(String, ExternalKind, u32)| {
        LINKER_EXPORTS.contains(&name.as_str()) && *kind == ExternalKind::Global
    };
    let unknown = seen.exports.iter().find(|export| !known(&export.0) && !linkers(export));
    unknown.map_or(Ok(()), |(name, _, _)| Err(AdmissionError::UnknownExport { name: name.clone() }))
}
