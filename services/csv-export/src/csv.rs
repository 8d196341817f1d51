//! Cells as RFC 4180 wants them, and so that a spreadsheet takes them for text.

/// What begins a formula in the usual spreadsheets, and what they skip before one.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Writes one record: cells between commas, CR LF at its end.
pub fn record<'a>(out: &mut Vec<u8>, cells: impl IntoIterator<Item = &'a str>) {
    for (place, text) in cells.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        cell(out, text);
    }
    out.extend(b"\r\n");
}

/// A cell that would be a formula gets an apostrophe before it, which spreadsheets read as "this is text": whoever
/// writes a to-do must not run something on the machine of whoever opens the export.
fn cell(out: &mut Vec<u8>, text: &str) {
    let formula = text.trim_start_matches([' ', '\n', '\u{a0}', '\u{feff}']).starts_with(FORMULA);
    let quoted = formula || text.contains([',', '"', '\r', '\n']) || text.trim() != text;
    if !quoted {
        out.extend(text.bytes());
        return;
    }
    out.push(b'"');
    if formula {
        out.push(b'\'');
    }
    for byte in text.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
pub mod testing {
    //! Reads CSV by the letter of RFC 4180.

    pub fn read(text: &str) -> Vec<Vec<String>> {
        let mut records = vec![];
        let mut record = vec![];
        let mut characters = text.chars().peekable();
        while characters.peek().is_some() {
            let mut cell = String::new();
            if characters.next_if_eq(&'"').is_some() {
                loop {
                    match characters.next().expect("a quoted cell that ends") {
                        '"' if characters.next_if_eq(&'"').is_none() => break,
                        character => cell.push(character),
                    }
                }
            } else {
                while let Some(character) = characters.next_if(|next| ![',', '\r'].contains(next)) {
                    assert!(!['"', '\n'].contains(&character), "must be quoted: {character:?}");
                    cell.push(character);
                }
            }
            record.push(cell);
            match characters.next() {
                Some(',') => {}
                Some('\r') => {
                    assert_eq!(characters.next(), Some('\n'));
                    records.push(std::mem::take(&mut record));
                }
                other => panic!("{other:?} behind a cell"),
            }
        }
        assert!(record.is_empty(), "a record without an end");
        records
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::testing::read;
    use super::*;

    fn written(cells: &[&str]) -> String {
        let mut out = vec![];
        record(&mut out, cells.iter().copied());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        assert_eq!(written(&["a", "", "b c", "1.5"]), "a,,b c,1.5\r\n");
        assert_eq!(
            written(&["a,b", "say \"hi\"", "two\r\nlines", "\n"]),
            "\"a,b\",\"say \"\"hi\"\"\",\"two\r\nlines\",\"\n\"\r\n"
        );
        assert_eq!(written(&[" a", "ü 🥛"]), "\" a\",ü 🥛\r\n");
        assert_eq!(written(&["", "", ""]), ",,\r\n");
    }

    #[test]
    fn a_formula_is_made_text() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", " =1", "\n=1", "\u{feff}=1"] {
            assert_eq!(written(&[text]), format!("\"'{text}\"\r\n"), "{text:?}");
        }
        assert_eq!(written(&["=cmd|' /C calc'!A0,\""]), "\"'=cmd|' /C calc'!A0,\"\"\"\r\n");
        assert_eq!(written(&["a=1", "'=1", "1-1"]), "a=1,'=1,1-1\r\n");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(cells in proptest::collection::vec("[ =+@,\"\r\n\ta-c\u{e9}-]{0,6}", 1..5)) {
            let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
            let records = read(&written(&cells));
            prop_assert_eq!(records.len(), 1);
            prop_assert_eq!(records[0].len(), cells.len());
            for (read, cell) in records[0].iter().zip(&cells) {
                prop_assert!(!read.starts_with(FORMULA), "{:?}", read);
                prop_assert_eq!(read.strip_prefix('\'').unwrap_or(read), *cell);
            }
        }
    }
}
