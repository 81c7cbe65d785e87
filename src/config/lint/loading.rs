//! What is warned of while a configuration is loaded: the engine and the modules find it, and name it here.

use super::{Found, Lint};

/// `server_name` in two servers of one address.
pub static CONFLICTING_SERVER_NAME: Lint = Lint {
    code: "conflicting-server-name",
    finds: "Two servers of one address have the same name.",
    matters: "The first of them answers for the name, and the second never does.",
    instead: "Give each server names of its own, or put what belongs together into one server.",
    wrong: "server { listen 8080 default_server; server_name a.example; }\n\
            server { listen 8080; server_name a.example; }",
    right: "server { listen 8080 default_server; server_name a.example; }\n\
            server { listen 8080; server_name b.example; }",
    found: Found::Loading,
};

/// An extension twice in `types`.
pub static DUPLICATE_MIME_TYPE: Lint = Lint {
    code: "duplicate-mime-type",
    finds: "`types` gives one extension two content types.",
    matters: "The later one holds, and the earlier line says something that is not so.",
    instead: "Give each extension once.",
    wrong: "types { text/xml xml; application/xml xml; }\nserver { listen 8080; }",
    right: "types { application/xml xml; }\nserver { listen 8080; }",
    found: Found::Loading,
};

/// `location @name` twice.
pub static DUPLICATE_NAMED_LOCATION: Lint = Lint {
    code: "duplicate-named-location",
    finds: "A server has two locations with the same name `@name`.",
    matters: "The second is never used.",
    instead: "Give them different names, or remove one.",
    wrong: "server { listen 8080; location @a { return 404; } location @a { return 410; } }",
    right: "server { listen 8080; location @a { return 404; } location @b { return 410; } }",
    found: Found::Loading,
};

/// A word twice where once is enough.
pub static DUPLICATE_VALUE: Lint = Lint {
    code: "duplicate-value",
    finds: "A directive that takes a set of words has one of them twice.",
    matters: "One of the two was probably meant to be another word.",
    instead: "Write each word once.",
    wrong: "server { listen 8080; keepalive_disable safari safari; }",
    right: "server { listen 8080; keepalive_disable safari msie6; }",
    found: Found::Loading,
};

/// `return 301` without a URL.
pub static EMPTY_REDIRECT: Lint = Lint {
    code: "empty-redirect",
    finds: "`return` redirects, and does not say where to.",
    matters: "Clients get a redirect that they cannot follow.",
    instead: "Write the URL behind the code.",
    wrong: "server { listen 8080; return 301; }",
    right: "server { listen 8080; return 301 https://example.org$request_uri; }",
    found: Found::Loading,
};

/// `error_log off`.
pub static ERROR_LOG_OFF: Lint = Lint {
    code: "error-log-off",
    finds: "`error_log off`.",
    matters: "There is no such value, unlike for `access_log`: errors are written to a file named `off`.",
    instead: "Log the worst only, and to nowhere.",
    wrong: "server { listen 8080; error_log off; }",
    right: "server { listen 8080; error_log /dev/null emerg; }",
    found: Found::Loading,
};

/// `error_page 404 404.html`.
pub static ERROR_PAGE_WITHOUT_SLASH: Lint = Lint {
    code: "error-page-without-slash",
    finds: "The page of an `error_page` begins with no slash, and is neither a URL nor a named location.",
    matters: "Clients are redirected to this text as it stands, and see the wrong page or none.",
    instead: "Write the path of the page, from the slash on.",
    wrong: "server { listen 8080; error_page 404 404.html; }",
    right: "server { listen 8080; root www; error_page 404 /404.html; }",
    found: Found::Loading,
};

/// Words behind an absolute one in `index`.
pub static INDEX_AFTER_ABSOLUTE: Lint = Lint {
    code: "index-after-absolute",
    finds: "`index` has words behind one that begins with a slash.",
    matters: "One that begins with a slash is taken whether it exists or not, so what follows is never tried.",
    instead: "Put it at the end.",
    wrong: "server { listen 8080; index /default.html index.html; }",
    right: "server { listen 8080; index index.html /default.html; }",
    found: Found::Loading,
};

/// Host bits in a network.
pub static NETWORK_HOST_BITS: Lint = Lint {
    code: "network-host-bits",
    finds: "A network has bits behind its prefix.",
    matters: "They mean nothing. Perhaps one address was meant, or another prefix.",
    instead: "Write the network with zeros behind its prefix.",
    wrong: "server { listen 8080; deny 192.168.1.7/24; }",
    right: "server { listen 8080; deny 192.168.1.0/24; }",
    found: Found::Loading,
};

/// A header of the server's own, added.
pub static SECOND_HEADER: Lint = Lint {
    code: "second-header",
    finds: "`add_header` adds a header that the server sends itself.",
    matters: "Clients get it twice, and each makes of that what it likes.",
    instead: "Use the directive that sets the header.",
    wrong: "server { listen 8080; add_header Content-Type text/css; }",
    right: "server { listen 8080; default_type text/css; }",
    found: Found::Loading,
};

/// A server name that looks like a URL.
pub static SUSPICIOUS_SERVER_NAME: Lint = Lint {
    code: "suspicious-server-name",
    finds: "A `server_name` holds a slash or a colon.",
    matters: "Clients ask for a host by its name alone, so this name never fits.",
    instead: "Write the host, without scheme, port and path.",
    wrong: "server { listen 8080; server_name https://example.org/; }",
    right: "server { listen 8080; server_name example.org; }",
    found: Found::Loading,
};

/// A folder that a pattern cannot look into.
pub static UNREADABLE_INCLUDE: Lint = Lint {
    code: "unreadable-include",
    finds: "A folder that the pattern of an `include` leads to cannot be read.",
    matters: "The files in it are not part of the configuration.",
    instead: "Make the folder readable for the user who starts the server, or name it no more.",
    wrong: "include unreadable/*/*.conf;\nserver { listen 8080; }",
    right: "include readable/*/*.conf;\nserver { listen 8080; }",
    found: Found::Loading,
};

/// `user` without being root.
pub static USER_IGNORED: Lint = Lint {
    code: "user-ignored",
    finds: "`user` is set, and the server is not started by root.",
    matters: "Only root can become another user, so the server stays who started it.",
    instead: "Remove the line, or let root start the server.",
    wrong: "# user www-data;    in the main context, and started by somebody else\nserver { listen 8080; }",
    right: "server { listen 8080; }",
    found: Found::Loading,
};
