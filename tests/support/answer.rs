//! A response as a client sees it.

/// One response, its content without the framing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) reason: String,
    /// Name and value as they were sent, in order.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Status line and header lines as they were sent, with the empty line at their end.
    pub(crate) head: String,
}

impl Answer {
    /// Understands a head; the content is still to come.
    pub(super) fn from_head(head: &[u8]) -> Self {
        let head = String::from_utf8_lossy(head).into_owned();
        let mut lines = head.split("\r\n");
        let status_line = lines.next().unwrap_or_default();
        let mut words = status_line.splitn(3, ' ');
        assert_eq!(words.next(), Some("HTTP/1.1"), "not a status line: {status_line:?}");
        let status = words.next().and_then(|code| code.parse().ok());
        let status = status.unwrap_or_else(|| panic!("not a status line: {status_line:?}"));
        let reason = words.next().unwrap_or_default().to_owned();
        let fields = lines.filter(|line| !line.is_empty());
        let headers = fields.map(field).collect();
        Self { status, reason, headers, body: Vec::new(), head }
    }

    /// The value of a header that occurs at most once.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let values = self.headers_named(name);
        assert!(values.len() <= 1, "{name} occurs more than once:\n{}", self.head);
        values.first().copied()
    }

    /// All values of a header, in order.
    pub(crate) fn headers_named(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| &**value).collect()
    }

    /// The content as text.
    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the content is UTF-8")
    }

    /// Whether the server says that it closes the connection.
    pub(crate) fn closes(&self) -> bool {
        self.header("connection") == Some("close")
    }
}

fn field(line: &str) -> (String, String) {
    let (name, value) =
        line.split_once(": ").or_else(|| line.split_once(':')).unwrap_or_else(|| panic!("not a header line: {line:?}"));
    (name.to_owned(), value.to_owned())
}
