//! Forms read whole, split at each byte, and made up.

use proptest::prelude::*;

use super::*;

/// Everything that a form says, as text: a line for each part, `name[=filename] (type): content`.
fn read(boundary: &str, pieces: &[&[u8]]) -> Result<String, BadForm> {
    let mut parser = Parser::new(boundary.as_bytes(), 4)?;
    let mut text = Vec::new();
    for piece in pieces {
        let mut input = Bytes::copy_from_slice(piece);
        loop {
            match parser.receive(&mut input)? {
                Progress::NeedMore => break,
                Progress::Part(part) => {
                    text.extend(&part.name);
                    if let Some(filename) = &part.filename {
                        text.extend([b"=", &filename[..]].concat());
                    }
                    if let Some(content_type) = &part.content_type {
                        text.extend([b" (", &content_type[..], b")"].concat());
                    }
                    text.extend(b": ");
                }
                Progress::Data(data) => {
                    assert!(!data.is_empty());
                    text.extend(&data);
                }
                Progress::PartEnd => text.push(b'\n'),
                Progress::End => text.extend(b"end"),
            }
        }
        assert!(input.is_empty());
    }
    assert_eq!(parser.is_complete(), text.ends_with(b"end"));
    Ok(String::from_utf8_lossy(&text).into_owned())
}

const FORM: &str = "--b\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n-\r\n--\r\n\
                    --b\r\ncontent-disposition: Form-Data; name=\"file\"; filename=\"a b.txt\"\r\n\
                    Content-Type: text/plain\r\n\r\n\r\r\n\r\n--\r\n--b \t\r\n\
                    Content-Disposition: form-data; name=empty\r\n\r\n\r\n--b--\r\nwhatever\r\n--b\r\n";

const READ: &str = "note: hello\r\n-\r\n--\nfile=a b.txt (text/plain): \r\r\n\r\n--\nempty: \nend";

#[test]
fn a_form_is_read_part_by_part() {
    assert_eq!(read("b", &[FORM.as_bytes()]).unwrap(), READ);
}

#[test]
fn a_form_may_be_split_at_every_byte() {
    for at in 0..FORM.len() {
        let (one, other) = FORM.as_bytes().split_at(at);
        assert_eq!(read("b", &[one, other]).unwrap(), READ, "split at {at}");
    }
    let bytes: Vec<&[u8]> = FORM.as_bytes().chunks(1).collect();
    assert_eq!(read("b", &bytes).unwrap(), READ);
}

#[test]
fn a_part_without_content_may_share_its_line_end() {
    let form = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n--b--";
    assert_eq!(read("b", &[form.as_bytes()]).unwrap(), "a: \nend");
    let content = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n--c\r\n--b--";
    assert_eq!(read("b", &[content.as_bytes()]).unwrap(), "a: --c\nend");
}

#[test]
fn little_may_come_before_the_first_part() {
    let form = |before: &str| format!("{before}\r\n{FORM}");
    assert_eq!(read("b", &[form("preamble").as_bytes()]).unwrap(), READ);
    let long = "x".repeat(PREAMBLE_BYTES_MAX + 1);
    assert_eq!(read("b", &[form(&long).as_bytes()]), Err(BadForm::Preamble));
}

#[test]
fn a_form_without_parts_is_complete_and_one_without_an_end_is_not() {
    assert_eq!(read("b", &[b"--b--"]).unwrap(), "end");
    assert_eq!(read("b", &[b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b"]).unwrap(), ": x\n");
    assert_eq!(read("b", &[b""]).unwrap(), "");
}

#[test]
fn what_is_no_form_is_refused() {
    let part = |head: &str| format!("--b\r\n{head}\r\n\r\nx\r\n--b--");
    let cases = [
        (part("Content-Disposition: attachment"), BadForm::Disposition),
        (part("Content-Type: text/plain"), BadForm::Disposition),
        (part("no colon"), BadForm::Head),
        (part("Content-Disposition: form-data\0"), BadForm::Head),
        ("--b\r\n\r\nx".into(), BadForm::Disposition),
        ("--bx\r\n".into(), BadForm::Delimiter),
        ("--b-x".into(), BadForm::Delimiter),
        ("--b\rx".into(), BadForm::Delimiter),
        (format!("--b{}\r\n", " ".repeat(PADDING_BYTES_MAX + 1)), BadForm::Delimiter),
        (format!("--b\r\nX: {}", "x".repeat(HEAD_BYTES_MAX)), BadForm::HeadTooLarge),
        (format!("--b\r\n{}", "X: y\r\n".repeat(HEAD_BYTES_MAX / 6 + 1)), BadForm::HeadTooLarge),
    ];
    for (form, expected) in cases {
        assert_eq!(read("b", &[form.as_bytes()]), Err(expected), "{form}");
        let bytes: Vec<&[u8]> = form.as_bytes().chunks(1).collect();
        assert_eq!(read("b", &bytes), Err(expected), "{form}");
    }
}

#[test]
fn the_number_of_parts_is_limited() {
    let part = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n";
    assert!(read("b", &[part.repeat(4).as_bytes(), b"--b--"]).is_ok());
    assert_eq!(read("b", &[part.repeat(5).as_bytes()]), Err(BadForm::TooManyParts { limit: 4 }));
}

#[test]
fn the_content_type_tells_the_boundary() {
    let boundary = |content_type: &str| {
        let parser = Parser::for_type(content_type.as_bytes(), 1)?;
        Some(parser.map(|parser| String::from_utf8_lossy(&parser.delimiter[4..]).into_owned()))
    };
    let found = |text: &str| Some(Ok(text.to_owned()));
    assert_eq!(boundary("multipart/form-data; boundary=abc"), found("abc"));
    assert_eq!(boundary("Multipart/Form-Data;charset=utf-8 ; BOUNDARY=\"a b;c\" ; x"), found("a b;c"));
    assert_eq!(boundary("multipart/form-data"), Some(Err(BadForm::Boundary)));
    assert_eq!(boundary("multipart/form-data; boundary="), Some(Err(BadForm::Boundary)));
    assert_eq!(boundary("multipart/form-data; boundary=\"a \""), Some(Err(BadForm::Boundary)));
    assert_eq!(boundary(&format!("multipart/form-data; boundary={}", "x".repeat(71))), Some(Err(BadForm::Boundary)));
    assert_eq!(boundary("multipart/mixed; boundary=abc"), None);
    assert_eq!(boundary("application/x-www-form-urlencoded"), None);
}

#[test]
fn names_of_files_are_read_as_browsers_write_them() {
    let filename = |text: &str| {
        let part = PartHead::of_disposition(format!("form-data; name=f; {text}").as_bytes()).unwrap();
        part.filename.map(|name| String::from_utf8_lossy(&name).into_owned())
    };
    let cases = [
        ("filename=plain.txt", "plain.txt"),
        ("filename=\"a;b=c.txt\"", "a;b=c.txt"),
        ("filename=\"a%22b%0D%0Ac%25.txt\"", "a\"b\r\nc%25.txt"),
        ("filename=\"a\\\"b.txt\"", "a\"b.txt"),
        ("filename=\"C:\\new\\file.txt\"", "C:\\new\\file.txt"),
        ("filename=\"süß.txt\"", "süß.txt"),
        ("filename=\"x\"; filename*=UTF-8''s%C3%BC%C3%9F%20.txt", "süß .txt"),
        ("filename*=utf-8'de'a; filename=\"x\"", "a"),
        ("filename=\"x\"; filename*=iso-8859-1''a", "x"),
        ("filename=\"x\"; filename*=UTF-8''%zz", "x"),
        ("FILENAME=\"\"", ""),
        ("filename=\"open", "open"),
        ("filename = \"spaced\" ", "spaced"),
    ];
    for (text, expected) in cases {
        assert_eq!(filename(text).as_deref(), Some(expected), "{text}");
    }
    assert_eq!(filename("filename"), None);
}

proptest! {
    /// Content comes out as it went in, however it is split and however much it looks like a delimiter.
    #[test]
    fn content_is_never_changed(
        contents in prop::collection::vec(prop::collection::vec(prop::sample::select(b"\r\n-bx".to_vec()), 0..40), 1..4),
        lengths in prop::collection::vec(1_usize..9, 1..8),
    ) {
        let boundary = "bb-bx-unlikely";
        prop_assume!(!contents.iter().any(|content| memmem::find(content, boundary.as_bytes()).is_some()));
        let mut form = Vec::new();
        for content in &contents {
            form.extend(format!("--{boundary}\r\nContent-Disposition: form-data; name=n\r\n\r\n").into_bytes());
            form.extend(content);
            form.extend(b"\r\n");
        }
        form.extend(format!("--{boundary}--").into_bytes());
        let mut pieces = Vec::new();
        let (mut rest, mut lengths) = (&form[..], lengths.iter().cycle());
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at((*lengths.next().unwrap()).min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        let expected: String = contents.iter().map(|content| format!("n: {}\n", String::from_utf8_lossy(content))).collect();
        prop_assert_eq!(read(boundary, &pieces), Ok(expected + "end"));
    }

    /// Whatever comes, it is read alike in one piece and byte by byte.
    #[test]
    fn splitting_makes_no_difference(form in prop::collection::vec(prop::sample::select(b"\r\n-b:; =\"aCo".to_vec()), 0..120)) {
        let bytes: Vec<&[u8]> = form.chunks(1).collect();
        prop_assert_eq!(read("b", &[&form]), read("b", &bytes));
    }
}
