//! JSON values as text (RFC 8259), for what commands say to programs.
//!
//! Whoever has something to say builds a value and prints it. Escaping for logs and listings, where nginx decides the
//! form, is `http::escape`'s. It reads no JSON.

use std::fmt::{self, Write};

/// A JSON value. Members of an object are in the order they are to be written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A count or a position; JSON's own limit is 2^53.
    Number(u64),
    /// Text.
    Text(String),
    /// `[...]`
    List(Vec<Json>),
    /// `{...}`
    Object(Vec<(&'static str, Json)>),
}

impl Json {
    /// A count.
    pub fn count(number: usize) -> Self {
        Self::Number(u64::try_from(number).unwrap_or(u64::MAX))
    }

    /// Text, or `null` where there is none.
    pub fn text_or_null(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Null, |text| Self::Text(text.into()))
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("null"),
            Self::Bool(value) => write!(formatter, "{value}"),
            Self::Number(number) => write!(formatter, "{number}"),
            Self::Text(text) => write_text(text, formatter),
            Self::List(values) => {
                formatter.write_char('[')?;
                for (index, value) in values.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(formatter, "{comma}{value}")?;
                }
                formatter.write_char(']')
            }
            Self::Object(members) => {
                formatter.write_char('{')?;
                for (index, (name, value)) in members.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(formatter, "{comma}\"{name}\":{value}")?;
                }
                formatter.write_char('}')
            }
        }
    }
}

fn write_text(text: &str, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    formatter.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' => formatter.write_str("\\\"")?,
            '\\' => formatter.write_str("\\\\")?,
            '\n' => formatter.write_str("\\n")?,
            '\r' => formatter.write_str("\\r")?,
            '\t' => formatter.write_str("\\t")?,
            // DEL and the C1 controls may stand as they are, but a terminal would obey them.
            control if control.is_control() => write!(formatter, "\\u{:04x}", u32::from(control))?,
            character => formatter.write_char(character)?,
        }
    }
    formatter.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_without_white_space() {
        let value = Json::Object(vec![
            ("ok", Json::Bool(true)),
            ("none", Json::Null),
            ("list", Json::List(vec![Json::Number(1), Json::from("a"), Json::List(Vec::new())])),
            ("object", Json::Object(Vec::new())),
        ]);
        assert_eq!(value.to_string(), r#"{"ok":true,"none":null,"list":[1,"a",[]],"object":{}}"#);
    }

    #[test]
    fn text_is_escaped() {
        let text = Json::from("a\"b\\c\n\t\r\u{1b}[1m\u{9b}é日");
        assert_eq!(text.to_string(), r#""a\"b\\c\n\t\r\u001b[1m\u009bé日""#);
    }
}
