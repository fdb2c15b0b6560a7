//! The chip table: every row as published, the hash that treaties pin, and each refusal.

use std::path::Path;

use standstill_attestations::accounting::accelerators::{ChipTable, ChipTableError, SHIPPED};

const T: u64 = 1_000_000_000_000;

#[test]
fn the_shipped_table_has_the_published_figures() {
    let table = ChipTable::shipped().unwrap();
    // Id, BF16, FP8, GB, watts; 0 where the vendor gives none.
    let expected = [
        ("a100-sxm-80gb", 312, 0, 80, 400),
        ("h100-sxm", 989, 1979, 80, 700),
        ("h100-pcie", 756, 1513, 80, 350),
        ("h200-sxm", 989, 1979, 141, 700),
        ("h20", 148, 296, 96, 400),
        ("b200", 2250, 4500, 180, 1000),
        ("gb200", 2500, 5000, 186, 1200),
        ("mi300x", 1307, 2615, 192, 750),
        ("mi355x", 2500, 5000, 288, 1400),
        ("gaudi3", 1835, 1835, 128, 900),
        ("tpu-v4", 275, 0, 32, 0),
        ("tpu-v5e", 197, 0, 16, 0),
        ("tpu-v5p", 459, 0, 95, 0),
        ("tpu-v6e", 918, 0, 32, 0),
        ("tpu-v7", 2307, 4614, 192, 0),
        ("trainium2", 667, 1299, 96, 500),
        ("ascend-910b", 320, 0, 64, 400),
    ];
    assert_eq!(table.rows().len(), expected.len());
    for (id, bf16, fp8, memory, watts) in expected {
        let chip = table.find(&id.parse().unwrap()).unwrap();
        assert_eq!(chip.bf16_dense_flops, bf16 * T, "{id}");
        assert_eq!(chip.fp8_dense_flops, (fp8 > 0).then_some(fp8 * T), "{id}");
        assert_eq!((chip.memory_gb, chip.tdp_watts.unwrap_or(0)), (memory, watts), "{id}");
        assert_eq!(chip.highest_peak(), bf16.max(fp8) * T, "{id}");
    }
    let h100 = table.find(&"h100-sxm".parse().unwrap()).unwrap();
    assert_eq!(h100.memory_bytes_per_second, 3_350_000_000_000);
}

#[test]
fn treaties_that_pin_a_table_pin_the_shipped_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/treaties");
    let sha256 = ChipTable::shipped().unwrap().sha256().to_string();
    let mut pins = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for line in text.lines().filter(|line| line.starts_with("chip_table")) {
            assert_eq!(line, format!("chip_table = \"{sha256}\""), "{}", path.display());
            pins += 1;
        }
    }
    assert!(pins > 0, "no treaty pins a table");
}

const HEADER: &str = "id,name,bf16_dense_flops,fp8_dense_flops,memory_gb,memory_tb_per_s,tdp_w,source\n";
const ROW: &str = "h100,H100,989e12,1979e12,80,3.35,700,vendor\n";

#[test]
fn anything_else_is_refused_with_its_line() {
    let refused = |text: &str| ChipTable::parse(text.as_bytes()).unwrap_err().to_string();
    let cells = |row: &str| refused(&format!("{HEADER}{ROW}{row}"));
    assert!(ChipTable::parse(format!("{HEADER}{ROW}").as_bytes()).is_ok());
    assert_eq!(refused(HEADER), "no row below the header");
    assert!(refused("").contains("not a plain table"));
    assert!(refused(&format!("{HEADER}{ROW}").replace('\n', "\r\n")).contains("not a plain table"));
    assert!(refused(format!("{HEADER}{ROW}").trim_end()).contains("no newline at the end"));
    assert!(refused(ROW).starts_with("the first line is `h100,"));
    assert_eq!(cells(ROW), "line 3: `h100` stands twice");
    assert_eq!(cells("b200,B200,1e12,,80,3,700\n"), "line 3 has 7 cells, not 8: a cell cannot hold a comma");
    assert_eq!(cells("\n"), "line 3 has 1 cells, not 8: a cell cannot hold a comma");
    for (row, column) in [
        ("B200,B200,1e12,,80,3,700,v\n", "id"),
        ("b200,,1e12,,80,3,700,v\n", "name"),
        ("b200, B200,1e12,,80,3,700,v\n", "name"),
        ("b200,B200,,,80,3,700,v\n", "bf16_dense_flops"),
        ("b200,B200,0,,80,3,700,v\n", "bf16_dense_flops"),
        ("b200,B200,1e38,,80,3,700,v\n", "bf16_dense_flops"),
        ("b200,B200,1e12,-1,80,3,700,v\n", "fp8_dense_flops"),
        ("b200,B200,1e12,,80.5,3,700,v\n", "memory_gb"),
        ("b200,B200,1e12,,80,3e2,700,v\n", "memory_tb_per_s"),
        ("b200,B200,1e12,,80,3,watts,v\n", "tdp_w"),
        ("b200,B200,1e12,,80,3,700,\n", "source"),
    ] {
        assert!(cells(row).starts_with(&format!("line 3: {column} `")), "{row}: {}", cells(row));
    }
}

#[test]
fn a_table_is_bounded() {
    let many: String = (0..1025).map(|index| ROW.replace("h100,", &format!("h{index},"))).collect();
    let error = ChipTable::parse(format!("{HEADER}{many}").as_bytes()).unwrap_err();
    assert_eq!(error, ChipTableError::TooManyRows { limit: 1024 });
    let error = ChipTable::parse(&vec![b'\n'; 262_145]).unwrap_err();
    assert_eq!(error, ChipTableError::TooLarge { length: 262_145, limit: 262_144 });
}

#[test]
fn no_cut_of_the_table_reads_as_another_table() {
    let whole = ChipTable::shipped().unwrap();
    for end in 0..SHIPPED.len() {
        // A cut at a line's end is a shorter table, with another hash; any other is refused.
        match ChipTable::parse(&SHIPPED[..end]) {
            Ok(cut) => assert!(SHIPPED[end - 1] == b'\n' && cut.sha256() != whole.sha256(), "cut at {end}"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}
