//! nginx's configuration language.
