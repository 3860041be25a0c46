//! ACL keywords: a fetch with a match method of its own, such as `path_beg` (configuration manual 7.3).

use hapax_core::keyword::AclKeyword;

macro_rules! forms {
    ($($keyword:literal = $fetch:literal),+ $(,)?) => {
        /// The ACL keywords.
        pub static KEYWORDS: &[AclKeyword] = &[
            $(
                AclKeyword { name: $keyword, fetch: $fetch, method: "str" },
                AclKeyword { name: concat!($keyword, "_beg"), fetch: $fetch, method: "beg" },
                AclKeyword { name: concat!($keyword, "_dir"), fetch: $fetch, method: "dir" },
                AclKeyword { name: concat!($keyword, "_dom"), fetch: $fetch, method: "dom" },
                AclKeyword { name: concat!($keyword, "_end"), fetch: $fetch, method: "end" },
                AclKeyword { name: concat!($keyword, "_len"), fetch: $fetch, method: "len" },
                AclKeyword { name: concat!($keyword, "_reg"), fetch: $fetch, method: "reg" },
                AclKeyword { name: concat!($keyword, "_sub"), fetch: $fetch, method: "sub" },
            )+
            AclKeyword { name: "http_auth_group", fetch: "http_auth_group", method: "str" },
            AclKeyword { name: "payload", fetch: "req.payload", method: "bin" },
            AclKeyword { name: "payload_lv", fetch: "req.payload_lv", method: "bin" },
            AclKeyword { name: "req.ssl_ver", fetch: "req.ssl_ver", method: "int dotted" },
            AclKeyword { name: "req_rdp_cookie", fetch: "req.rdp_cookie", method: "str" },
            AclKeyword { name: "req_rdp_cookie_cnt", fetch: "req.rdp_cookie_cnt", method: "int" },
            AclKeyword { name: "req_ssl_sni", fetch: "req.ssl_sni", method: "str" },
            AclKeyword { name: "req_ssl_ver", fetch: "req.ssl_ver", method: "int dotted" },
            AclKeyword { name: "method", fetch: "method", method: "str" },
            AclKeyword { name: "req_ver", fetch: "req.ver", method: "str" },
            AclKeyword { name: "resp_ver", fetch: "res.ver", method: "str" },
        ];
    };
}

forms! {
    "base" = "base",
    "cook" = "req.cook",
    "hdr" = "req.hdr",
    "path" = "path",
    "scook" = "res.cook",
    "shdr" = "res.hdr",
    "url" = "url",
    "urlp" = "urlp",
}
