//! The meter: rewrites a module so that it counts gas and call depth by itself, the same in every engine.
//!
//! ```text
//! at the start of every straight-line stretch:   gas -= cost of the stretch; if gas < 0 { unreachable }
//! around a call:                                 if depth == 0 { unreachable }; depth -= 1; call; depth += 1
//! memory.grow:                                   call grow, which charges per page and refuses beyond the limit
//! ```
//!
//! Three globals (`standstill:gas` i64, `standstill:depth` i32, `standstill:flag` i32) and one function are appended, so
//! every index of the author's module keeps its meaning, no code of it can name them, and operators are copied byte for
//! byte. Custom sections and what linkers export are dropped. Calls of functions that call nothing are not counted in
//! depth. Which operators end a stretch, and what each costs, is version 1 of the meter and never changes: another
//! table is another version.

use wasm_encoder::{
    CodeSection, ConstExpr, Encode, ExportKind, ExportSection, GlobalSection, GlobalType, Instruction, MemorySection,
    MemoryType, RawSection, SectionId, ValType,
};
use wasmparser::{BinaryReaderError, ExternalKind, FunctionBody, Operator, Parser, Payload};

use crate::admission::LINKER_EXPORTS;

/// Version of the rewriting and of the cost table.
pub const METER_VERSION: u32 = 1;

/// Name of the exported global that holds the gas left; negative once it ran out.
pub const GAS: &str = "standstill:gas";
/// Name of the exported global that holds the calls that may still nest.
pub const DEPTH: &str = "standstill:depth";
/// Name of the exported global that says why memory did not grow: [`FLAG_LIMIT`] or [`FLAG_REFUSED`].
pub const FLAG: &str = "standstill:flag";
/// More memory was asked for than the limit.
pub const FLAG_LIMIT: i32 = 1;
/// The host refused memory below the limit: its fault, not the module's.
pub const FLAG_REFUSED: i32 = 2;

/// Gas for each page that memory grows by.
const GROW_PAGE: i64 = 1000;
/// Gas for entering a function, besides one for each local that it declares.
const ENTRY: i64 = 2;

/// Cost table, version 1. Structure is free; whatever runs costs at least one, and every cycle runs something.
fn cost(operator: &Operator<'_>) -> i64 {
    use Operator as O;
    match operator {
        O::Block { .. } | O::Loop { .. } | O::Else | O::End | O::Nop => 0,
        O::I32DivS | O::I32DivU | O::I32RemS | O::I32RemU | O::I64DivS | O::I64DivU | O::I64RemS | O::I64RemU => 8,
        O::I32Load { .. } | O::I64Load { .. } | O::I32Store { .. } | O::I64Store { .. } => 2,
        O::I32Load8S { .. } | O::I32Load8U { .. } | O::I32Load16S { .. } | O::I32Load16U { .. } => 2,
        O::I64Load8S { .. } | O::I64Load8U { .. } | O::I64Load16S { .. } | O::I64Load16U { .. } => 2,
        O::I64Load32S { .. } | O::I64Load32U { .. } | O::I32Store8 { .. } | O::I32Store16 { .. } => 2,
        O::I64Store8 { .. } | O::I64Store16 { .. } | O::I64Store32 { .. } => 2,
        O::Call { .. } => 5,
        O::CallIndirect { .. } => 10,
        O::BrTable { .. } => 3,
        O::MemoryGrow { .. } => 100,
        _ => 1,
    }
}

/// Whether a new stretch begins after the operator: control may arrive there, or may not go on.
fn ends_stretch(operator: &Operator<'_>) -> bool {
    use Operator as O;
    matches!(
        operator,
        O::Loop { .. } | O::If { .. } | O::Else | O::End | O::Br { .. } | O::BrIf { .. } | O::BrTable { .. }
    ) || matches!(operator, O::Return | O::Unreachable)
}

/// What the rewriter must know of the whole module before it writes code.
#[derive(Default)]
struct Module {
    functions: u32,
    globals: u32,
    types: u32,
    declared_max: Option<u64>,
    /// For each function, whether it calls nothing.
    leaf: Vec<bool>,
}

/// Indices of what the meter appends.
#[derive(Clone, Copy)]
struct Appended {
    gas: u32,
    depth: u32,
    flag: u32,
    grow: u32,
}

/// Rewrites a module that [`crate::admission`] has passed; `memory_pages` is the memory's limit.
pub(crate) fn meter(wasm: &[u8], memory_pages: u32) -> Result<Vec<u8>, BinaryReaderError> {
    let payloads = Parser::new(0).parse_all(wasm).collect::<Result<Vec<_>, _>>()?;
    let module = survey(&payloads)?;
    let maximum = module.declared_max.map_or(u64::from(memory_pages), |max| max.min(u64::from(memory_pages)));
    let appended =
        Appended { gas: module.globals, depth: module.globals + 1, flag: module.globals + 2, grow: module.functions };
    Ok(write(wasm, &payloads, &module, appended, maximum)?.finish())
}

fn survey(payloads: &[Payload<'_>]) -> Result<Module, BinaryReaderError> {
    let mut module = Module::default();
    for payload in payloads {
        match payload {
            Payload::TypeSection(types) => module.types = types.count(),
            Payload::FunctionSection(functions) => module.functions = functions.count(),
            Payload::GlobalSection(globals) => module.globals = globals.count(),
            Payload::MemorySection(memories) => {
                for memory in memories.clone() {
                    module.declared_max = memory?.maximum;
                }
            }
            Payload::CodeSectionEntry(body) => {
                let mut leaf = true;
                for operator in body.get_operators_reader()? {
                    leaf &= !matches!(operator?, Operator::Call { .. } | Operator::CallIndirect { .. });
                }
                module.leaf.push(leaf);
            }
            _ => {}
        }
    }
    Ok(module)
}

/// Writes the sections in their order, with a global section after the memory even where the author has none.
fn write(
    wasm: &[u8],
    payloads: &[Payload<'_>],
    module: &Module,
    appended: Appended,
    maximum: u64,
) -> Result<wasm_encoder::Module, BinaryReaderError> {
    let mut out = wasm_encoder::Module::new();
    let mut code = CodeSection::new();
    let mut globals_written = false;
    for payload in payloads {
        match payload {
            Payload::TypeSection(types) => {
                let mut grow = vec![0x60];
                [ValType::I32].as_slice().encode(&mut grow);
                [ValType::I32].as_slice().encode(&mut grow);
                append(&mut out, SectionId::Type, slice(wasm, &types.range()), types.count(), 1, &grow);
            }
            Payload::FunctionSection(functions) => {
                let mut index = Vec::new();
                module.types.encode(&mut index);
                append(&mut out, SectionId::Function, slice(wasm, &functions.range()), functions.count(), 1, &index);
            }
            Payload::TableSection(tables) => copy(&mut out, SectionId::Table, slice(wasm, &tables.range())),
            Payload::MemorySection(memories) => {
                write_memories(&mut out, memories.clone(), maximum)?;
                if !payloads.iter().any(|payload| matches!(payload, Payload::GlobalSection(_))) {
                    out.section(&appended_globals());
                    globals_written = true;
                }
            }
            Payload::GlobalSection(globals) if !globals_written => {
                let mut extra = Vec::new();
                appended_globals().encode(&mut extra);
                let extra = entries(&extra, true);
                append(&mut out, SectionId::Global, slice(wasm, &globals.range()), globals.count(), 3, extra);
            }
            Payload::ExportSection(exports) => {
                out.section(&write_exports(exports.clone(), appended)?);
            }
            Payload::ElementSection(segments) => copy(&mut out, SectionId::Element, slice(wasm, &segments.range())),
            Payload::CodeSectionEntry(body) => {
                code.raw(&function(wasm, body, module, appended)?);
                if code.len() == module.functions {
                    code.raw(&grow(appended, maximum));
                    out.section(&code);
                }
            }
            Payload::DataSection(segments) => copy(&mut out, SectionId::Data, slice(wasm, &segments.range())),
            _ => {}
        }
    }
    Ok(out)
}

fn slice<'a>(wasm: &'a [u8], range: &std::ops::Range<u64>) -> &'a [u8] {
    let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
    wasm.get(at(range.start)..at(range.end)).unwrap_or(&[])
}

fn copy(out: &mut wasm_encoder::Module, id: SectionId, data: &[u8]) {
    out.section(&RawSection { id: id as u8, data });
}

/// The entries of a section's contents, without the count before them (and, for an encoded section, its length).
fn entries(contents: &[u8], with_length: bool) -> &[u8] {
    let skip = |bytes: &[u8]| bytes.iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
    let contents = if with_length { contents.get(skip(contents)..).unwrap_or(&[]) } else { contents };
    contents.get(skip(contents)..).unwrap_or(&[])
}

/// A section with its own entries as they are, and further ones after them.
fn append(out: &mut wasm_encoder::Module, id: SectionId, contents: &[u8], count: u32, more: u32, extra: &[u8]) {
    let mut data = Vec::with_capacity(contents.len() + extra.len() + 5);
    (count + more).encode(&mut data);
    data.extend_from_slice(entries(contents, false));
    data.extend_from_slice(extra);
    copy(out, id, &data);
}

fn write_memories(
    out: &mut wasm_encoder::Module,
    memories: wasmparser::MemorySectionReader<'_>,
    maximum: u64,
) -> Result<(), BinaryReaderError> {
    let mut section = MemorySection::new();
    for memory in memories {
        let minimum = memory?.initial;
        let maximum = Some(maximum.max(minimum));
        section.memory(MemoryType { minimum, maximum, memory64: false, shared: false, page_size_log2: None });
    }
    out.section(&section);
    Ok(())
}

fn appended_globals() -> GlobalSection {
    let mut globals = GlobalSection::new();
    let mutable = |val_type| GlobalType { val_type, mutable: true, shared: false };
    globals.global(mutable(ValType::I64), &ConstExpr::i64_const(0));
    globals.global(mutable(ValType::I32), &ConstExpr::i32_const(0));
    globals.global(mutable(ValType::I32), &ConstExpr::i32_const(0));
    globals
}

fn write_exports(
    exports: wasmparser::ExportSectionReader<'_>,
    appended: Appended,
) -> Result<ExportSection, BinaryReaderError> {
    let mut section = ExportSection::new();
    for export in exports {
        let export = export?;
        match export.kind {
            ExternalKind::Func => section.export(export.name, ExportKind::Func, export.index),
            ExternalKind::Memory => section.export(export.name, ExportKind::Memory, export.index),
            _ => &mut section,
        };
        debug_assert!(!LINKER_EXPORTS.contains(&export.name) || export.kind == ExternalKind::Global);
    }
    section.export(GAS, ExportKind::Global, appended.gas);
    section.export(DEPTH, ExportKind::Global, appended.depth);
    section.export(FLAG, ExportKind::Global, appended.flag);
    Ok(section)
}

/// One function's body: locals as they are, operators as they are, with the charges between them.
fn function(
    wasm: &[u8],
    body: &FunctionBody<'_>,
    module: &Module,
    appended: Appended,
) -> Result<Vec<u8>, BinaryReaderError> {
    let mut locals = 0i64;
    for local in body.get_locals_reader()? {
        locals += i64::from(local?.0);
    }
    let charges = stretches(body, ENTRY + locals)?;
    let mut charges = charges.into_iter().peekable();
    let mut operators = body.get_operators_reader()?;
    let first = operators.original_position();
    let mut out = slice(wasm, &(body.range().start..first)).to_vec();
    while !operators.eof() {
        let start = operators.original_position();
        let operator = operators.read()?;
        let raw = slice(wasm, &(start..operators.original_position()));
        if let Some((_, gas)) = charges.next_if(|(at, _)| *at == start) {
            charge(&mut out, appended, gas);
        }
        match operator {
            Operator::MemoryGrow { .. } => Instruction::Call(appended.grow).encode(&mut out),
            Operator::Call { function_index } if !calls_nothing(module, function_index) => {
                nested(&mut out, appended, raw);
            }
            Operator::CallIndirect { .. } => nested(&mut out, appended, raw),
            _ => out.extend_from_slice(raw),
        }
    }
    Ok(out)
}

fn calls_nothing(module: &Module, function: u32) -> bool {
    usize::try_from(function).ok().and_then(|index| module.leaf.get(index)).copied().unwrap_or(false)
}

/// Where each stretch begins, and what it costs; free ones are left out.
fn stretches(body: &FunctionBody<'_>, entry: i64) -> Result<Vec<(u64, i64)>, BinaryReaderError> {
    let mut operators = body.get_operators_reader()?;
    let mut charges = Vec::new();
    let mut start = operators.original_position();
    let mut gas = entry;
    while !operators.eof() {
        let operator = operators.read()?;
        gas += cost(&operator);
        if ends_stretch(&operator) {
            if gas > 0 {
                charges.push((start, gas));
            }
            start = operators.original_position();
            gas = 0;
        }
    }
    Ok(charges)
}

fn emit(out: &mut Vec<u8>, instructions: &[Instruction<'_>]) {
    instructions.iter().for_each(|instruction| instruction.encode(out));
}

const TRAP_IF: [Instruction<'static>; 3] =
    [Instruction::If(wasm_encoder::BlockType::Empty), Instruction::Unreachable, Instruction::End];

fn charge(out: &mut Vec<u8>, appended: Appended, gas: i64) {
    let global = appended.gas;
    emit(out, &[Instruction::GlobalGet(global), Instruction::I64Const(gas), Instruction::I64Sub]);
    emit(out, &[Instruction::GlobalSet(global), Instruction::GlobalGet(global)]);
    emit(out, &[Instruction::I64Const(0), Instruction::I64LtS]);
    emit(out, &TRAP_IF);
}

fn nested(out: &mut Vec<u8>, appended: Appended, call: &[u8]) {
    let global = appended.depth;
    emit(out, &[Instruction::GlobalGet(global), Instruction::I32Eqz]);
    emit(out, &TRAP_IF);
    emit(out, &[Instruction::GlobalGet(global), Instruction::I32Const(1), Instruction::I32Sub]);
    emit(out, &[Instruction::GlobalSet(global)]);
    out.extend_from_slice(call);
    emit(out, &[Instruction::GlobalGet(global), Instruction::I32Const(1), Instruction::I32Add]);
    emit(out, &[Instruction::GlobalSet(global)]);
}

/// `grow(pages)`: charges, refuses beyond the limit with [`FLAG_LIMIT`], and takes no refusal from the host.
fn grow(appended: Appended, maximum: u64) -> Vec<u8> {
    let Appended { gas, flag, .. } = appended;
    let mut body = wasm_encoder::Function::new([(1, ValType::I32)]);
    let mut out = Vec::new();
    let pages = [Instruction::LocalGet(0), Instruction::I64ExtendI32U];
    emit(&mut out, &[Instruction::GlobalGet(gas)]);
    emit(&mut out, &pages);
    emit(&mut out, &[Instruction::I64Const(GROW_PAGE), Instruction::I64Mul, Instruction::I64Sub]);
    emit(&mut out, &[Instruction::GlobalSet(gas), Instruction::GlobalGet(gas)]);
    emit(&mut out, &[Instruction::I64Const(0), Instruction::I64LtS]);
    emit(&mut out, &TRAP_IF);
    emit(&mut out, &[Instruction::MemorySize(0), Instruction::I64ExtendI32U]);
    emit(&mut out, &pages);
    emit(&mut out, &[Instruction::I64Add, Instruction::I64Const(maximum.cast_signed()), Instruction::I64GtU]);
    emit(&mut out, &stop(flag, FLAG_LIMIT));
    emit(&mut out, &[Instruction::LocalGet(0), Instruction::MemoryGrow(0), Instruction::LocalTee(1)]);
    emit(&mut out, &[Instruction::I32Const(-1), Instruction::I32Eq]);
    emit(&mut out, &stop(flag, FLAG_REFUSED));
    emit(&mut out, &[Instruction::LocalGet(1), Instruction::End]);
    body.raw(out);
    body.into_raw_body()
}

fn stop(flag: u32, reason: i32) -> [Instruction<'static>; 5] {
    let [when, trap, end] = TRAP_IF;
    [when, Instruction::I32Const(reason), Instruction::GlobalSet(flag), trap, end]
}
