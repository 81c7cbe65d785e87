//! Each module's directives, a file for each module of `src/modules`.
