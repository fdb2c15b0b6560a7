//! `docs/reference/importers.md` lists the formats that there are, in their order.

use standstill_importers::FORMATS;

#[test]
fn the_page_lists_the_formats_of_the_code() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/importers.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `") && line.matches(" | ").count() == 3);
    let listed: Vec<String> = rows.map(|row| row.split(" | ").take(3).collect::<Vec<_>>().join(" | ")).collect();
    let row = |format: &standstill_importers::Format| {
        format!("| `{}` | {} | {}", format.name, format.described, format.kind())
    };
    assert_eq!(listed, FORMATS.iter().map(row).collect::<Vec<_>>());
}
