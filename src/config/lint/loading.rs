//! What is warned of while a configuration is loaded: the engine and the modules find it, and name it here.

use super::{Found, Lint};

/// `auth_basic` that asks for nothing.
pub static AUTH_BASIC_WITHOUT_FILE: Lint = Lint {
    code: "auth-basic-without-file",
    finds: "A location has `auth_basic`, and no `auth_basic_user_file` holds there.",
    matters: "Without a file of users no password is asked for: everybody may come in.",
    instead: "Name the file beside the `auth_basic`, or say `auth_basic off`.",
    wrong: "server { listen 8080; location /a/ { auth_basic a; } }",
    right: "server { listen 8080; location /a/ { auth_basic a; auth_basic_user_file users-640; } }",
    found: Found::Loading,
};

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
    finds: "A directive that takes a set of words has one of them twice; or a set of MIME types one that is always in it.",
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

/// A name in `valid_referers` that no host is called.
pub static REFERER_MATCHES_NOTHING: Lint = Lint {
    code: "referer-matches-nothing",
    finds: "A name in `valid_referers` has a scheme or a port.",
    matters: "It is compared with the host alone, so it never fits, and pages of this host are turned away.",
    instead: "Write the host, and the beginning of a path behind it if need be.",
    wrong: "server { listen 8080; valid_referers http://example.org; if ($invalid_referer) { return 403; } }",
    right: "server { listen 8080; valid_referers example.org; if ($invalid_referer) { return 403; } }",
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
    finds: "A `server_name` holds a slash.",
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

/// A network twice in a `geo`.
pub static GEO_DUPLICATE: Lint = Lint {
    code: "geo-duplicate",
    finds: "A `geo` has a value for the same network, range or `default` twice.",
    matters: "The later one holds, and the earlier line says something that is not so.",
    instead: "Give each network once.",
    wrong: "geo $a { 10.0.0.0/8 1; 10.0.0.0/8 2; }\nserver { listen 8080; }",
    right: "geo $a { 10.0.0.0/8 2; }\nserver { listen 8080; }",
    found: Found::Loading,
};

/// `delete` of a network that a `geo` has not.
pub static GEO_NOTHING_TO_DELETE: Lint = Lint {
    code: "geo-nothing-to-delete",
    finds: "A `geo` deletes a network or a range that no line before has.",
    matters: "Nothing is deleted. Perhaps the network is written otherwise before, or behind.",
    instead: "Delete the network as it was written before.",
    wrong: "geo $a { 10.0.0.0/8 1; delete 10.1.0.0/16; }\nserver { listen 8080; }",
    right: "geo $a { 10.0.0.0/8 1; 10.1.0.0/16 1; delete 10.1.0.0/16; }\nserver { listen 8080; }",
    found: Found::Loading,
};

/// A sign that means nothing where it stands.
pub static LITERAL_SIGN: Lint = Lint {
    code: "literal-sign",
    finds: "A `$` or a `?` stands in a word that is taken as it is: a value of `geo`, the path of a subrequest.",
    matters: "Elsewhere it would begin a variable or a query, and here it is a part of the text.",
    instead: "Leave it out, or choose the value with a `map`, whose values may hold variables.",
    wrong: "geo $a { default $host; }\nserver { listen 8080; }",
    right: "geo $a { default none; }\nserver { listen 8080; }",
    found: Found::Loading,
};

/// `hostnames` behind keys.
pub static MAP_LATE_HOSTNAMES: Lint = Lint {
    code: "map-late-hostnames",
    finds: "In a `map`, `hostnames` stands behind keys with a star or a dot.",
    matters: "It is about the keys behind it. In those before it the star or dot stands for itself.",
    instead: "Write `hostnames` as the first line of the block.",
    wrong: "map $host $a { *.example.org 1; hostnames; }\nserver { listen 8080; }",
    right: "map $host $a { hostnames; *.example.org 1; }\nserver { listen 8080; }",
    found: Found::Loading,
};

/// A second `*` in a `split_clients`.
pub static UNREACHABLE_SHARE: Lint = Lint {
    code: "unreachable-share",
    finds: "A `split_clients` has a second `*`.",
    matters: "The first takes all clients that are left, so nobody gets the value of the second.",
    instead: "Write one `*`, as the last line.",
    wrong: "split_clients $remote_addr $a { 10% x; * y; * z; }\nserver { listen 8080; }",
    right: "split_clients $remote_addr $a { 10% x; 20% y; * z; }\nserver { listen 8080; }",
    found: Found::Loading,
};

/// Two definitions of one variable.
pub static VARIABLE_DEFINED_AGAIN: Lint = Lint {
    code: "variable-defined-again",
    finds: "Two blocks (`map`, `geo`, `split_clients`) define the same variable.",
    matters: "The later one counts for the whole configuration, and the first has no effect.",
    instead: "Give each its own name.",
    wrong: "map $host $a { default 1; }\nmap $uri $a { default 2; }\nserver { listen 8080; }",
    right: "map $host $a { default 1; }\nmap $uri $b { default 2; }\nserver { listen 8080; }",
    found: Found::Loading,
};
