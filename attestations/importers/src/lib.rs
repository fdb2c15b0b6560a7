//! Importers: statements from the files that labs' own tools wrote.
