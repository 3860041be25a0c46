// exercises: converter/lower converter/upper converter/length converter/field converter/word converter/bytes
// exercises: converter/ltrim converter/rtrim converter/regsub converter/ipmask converter/host_only converter/port_only
// exercises: converter/param converter/cut_crlf converter/add converter/sub converter/mul converter/div converter/mod
// exercises: converter/and converter/or converter/xor converter/cpl converter/neg converter/bool converter/not
// exercises: converter/odd converter/even converter/iif converter/crc32 converter/crc32c converter/djb2 converter/sdbm
// exercises: converter/xxh32 converter/xxh64 converter/xxh3 converter/hex converter/hex2i converter/base64
// exercises: converter/b64dec converter/ub64enc converter/url_dec converter/url_enc converter/json converter/ltime
// exercises: converter/ms_ltime converter/us_ltime converter/utime converter/ms_utime converter/us_utime
// exercises: fetch/str fetch/int fetch/bool fetch/bin fetch/meth fetch/ipv4 fetch/ipv6

use crate::TABLES;
use crate::fixture::Fixture;

/// Expressions with what the reference gave for them; `-` is no value.
const RESULTS: &[(&str, &str)] = &[
    ("str(a),upper", "A"),
    ("str(aBc),lower", "abc"),
    ("str(abc),length", "3"),
    ("bin(6100),length", "1"),
    ("meth(GET),lower", "get"),
    ("str(\"a/b//c\"),field(2,/)", "b"),
    ("str(\"a/b//c\"),field(3,/)", ""),
    ("str(\"a/b//c\"),field(-1,/)", "c"),
    ("str(\"a/b//c\"),field(1,/,2)", "a/b"),
    ("str(\"a/b//c\"),field(-2,/,2)", "b/"),
    ("str(\"a/b//c\"),field(9,/)", "-"),
    ("str(\"a/b//c\"),field(2,/,0)", "b//c"),
    ("str(\"/a/b//c\"),word(3,/)", "c"),
    ("str(\"/a/b//c\"),word(-2,/)", "b"),
    ("str(\"/a/b//c\"),word(1,/,2)", "a/b"),
    ("str(\"/a/b//c/\"),word(-1,/,2)", "b//c"),
    ("str(\"/a/b//c\"),word(2,/,0)", "b//c"),
    ("str(abcdef),bytes(2)", "cdef"),
    ("str(abcdef),bytes(2,2)", "cd"),
    ("str(abcdef),bytes(2,99)", "cdef"),
    ("str(aab),ltrim(a)", "b"),
    ("str(aabb),rtrim(b)", "aa"),
    ("str(abcabc),regsub(b,X)", "aXcabc"),
    ("str(abcABC),regsub(b,X,gi)", "aXcAXC"),
    ("str(abcabc),regsub('(b)(c)','\\2\\1',g)", "acbacb"),
    ("str(abc),regsub(x*,-,g)", "-a-b-c-"),
    ("str(abc),regsub(b,'\\x41')", "aAc"),
    ("str(1.2.3.4),ipmask(24)", "1.2.3.0"),
    ("str(1.2.3.4),ipmask(255.255.0.0)", "1.2.0.0"),
    ("ipv6(2001:db8::1),ipmask(24,32)", "2001:db8::"),
    ("ipv6(2001:db8::1),ipmask(24)", "-"),
    ("ipv6(::ffff:1.2.3.4),ipmask(24)", "1.2.3.0"),
    ("str(\"[::1]:80\"),host_only", "[::1]"),
    ("str(\"a.b:81\"),port_only", "81"),
    ("str(\"a.b\"),port_only", "0"),
    ("str(\"a=1&b=2\"),param(b)", "2"),
    ("str(\"a=1;b=2\"),param(b,;)", "2"),
    ("bin(610d0a),cut_crlf", "a"),
    ("int(7),add(3)", "10"),
    ("int(7),sub(10)", "-3"),
    ("int(7),mul(3)", "21"),
    ("int(-7),div(2)", "-3"),
    ("int(7),div(0)", "9223372036854775807"),
    ("int(-7),mod(3)", "-1"),
    ("int(7),mod(0)", "0"),
    ("int(9223372036854775807),add(1)", "9223372036854775807"),
    ("int(-9223372036854775807),mul(2)", "-9223372036854775808"),
    ("int(12),and(10)", "8"),
    ("int(12),or(3)", "15"),
    ("int(12),xor(10)", "6"),
    ("int(12),cpl", "-13"),
    ("int(12),neg", "-12"),
    ("int(12),bool", "1"),
    ("int(0),not", "1"),
    ("int(12),odd", "0"),
    ("int(13),even", "0"),
    ("bool(true),iif(a,b)", "a"),
    ("bool(0),iif(a,b)", "b"),
    ("ipv4(1.2.3.4),add(1)", "16909061"),
    ("str(ab),add(1)", "1"),
    ("str(abc),crc32", "891568578"),
    ("str(abc),crc32(1)", "930845320"),
    ("str(abc),crc32c", "910901175"),
    ("str(abc),crc32c(1)", "1285784220"),
    ("str(abc),djb2", "193485963"),
    ("str(abc),djb2(1)", "2235766107"),
    ("str(abc),sdbm", "807794786"),
    ("str(abc),sdbm(1)", "659243622"),
    ("str(abc),xxh32(0)", "852579327"),
    ("str(abc),xxh32(5)", "1562728233"),
    ("str(abc),xxh64(5)", "-1753195980308443340"),
    ("str(abc),xxh3(5)", "6167986026487092235"),
    ("int(255),hex", "00000000000000FF"),
    ("ipv4(1.2.3.4),hex", "01020304"),
    ("str(ff),hex2i", "255"),
    ("str(zz),hex2i", "-"),
    ("bin(00ff10),base64", "AP8Q"),
    ("str(YWJj),b64dec", "abc"),
    ("str(YWJ),b64dec", "-"),
    ("str(abc),ub64enc", "YWJj"),
    (
        "str(\"a b/c?d=\u{e9}&\"),url_enc",
        "a%20b%2Fc%3Fd%3D%C3%A9%26",
    ),
    ("str(\"a+b%20c\"),url_dec", "a+b c"),
    ("str(\"a+b%20c\"),url_dec(1)", "a b c"),
    // The reference shifts the upper bytes out of a number of 32 bits; the manual promises eight.
    ("bin(0102030405060780),le2dec(:,8)", "9225348980303659521"),
    ("bin(01020304),le2dec(:,8)", "67305985"),
    ("bin(7f),has_ctl", "1"),
    ("bin(09),has_ctl", "0"),
    ("bin(09),has_ctl(any)", "1"),
    ("bin(0a),has_ctl(http)", "1"),
    (
        "bin(6162),sha2,hex",
        "FB8E20FC2E4C3F248C60C39BD652F3C1347298BB977B8B4D5903B85055620603",
    ),
    ("int(0),http_date", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ("int(10),x509_v_err_str", "X509_V_ERR_CERT_HAS_EXPIRED"),
    ("str(x),when(normal)", "x"),
    ("str(x),when(error)", "-"),
    ("str(x),when(!forwarded)", "x"),
    ("str(x),when(stopping)", "-"),
    ("bin(0102),base2", "0000000100000010"),
    ("str(\"a\\,b\"),length", "4"),
    (
        "int(0),utime(\"%-d %_m %05Y %^a %10Y %E %Q\")",
        "1  1 01970 THU 0000001970 %E %Q",
    ),
    (
        "str(\"{\\\"a\\\":[1,{\\\"b\\\":2}]}\"),json_query('$.a[1].b')",
        "2",
    ),
    ("str(\"/a?b+c\"),url_dec(0)", "/a?b c"),
    ("str(\"a+b%20c%zz\"),url_dec", "-"),
    ("str('a\"b/c\\d'),json(ascii)", "a\\\"b\\/c\\\\d"),
    ("str('\u{e9}'),json(utf8)", "\\u00e9"),
    ("str('\u{e9}'),json", "\\u00c3\\u00a9"),
    ("bin(ff41),json(utf8)", "-"),
    ("bin(ff41),json(utf8s)", "A"),
    ("bin(0a0d09080c01),json", "\\n\\r\\t\\b\\f\\u0001"),
    ("int(1700000000),utime(\"%Y%m%d\",3600)", "20231114"),
    (
        "int(1700000000123),ms_utime(\"%H:%M:%S.%3N\")",
        "22:13:20.123",
    ),
    ("int(1700000000123456),us_utime(\"%6N%%N\")", "123456%N"),
    ("bool(1),add(1)", "2"),
];

#[test]
fn results_are_those_of_the_reference() {
    let fixture = Fixture::new(TABLES);
    for (text, expected) in RESULTS {
        let value = fixture.eval(text).expect(text);
        assert_eq!(value.as_deref().unwrap_or("-"), *expected, "{text}");
    }
}

#[test]
fn local_time_is_utc_with_the_offset_of_the_zone() {
    let fixture = Fixture::new(TABLES);
    let show = |text: &str| fixture.eval(text).expect(text).expect(text);
    let zone = show("int(1700000000),ltime(%z)");
    let minutes: i64 =
        zone[1..3].parse::<i64>().expect(&zone) * 60 + zone[3..].parse::<i64>().expect(&zone);
    let offset = if zone.starts_with('-') {
        -minutes * 60
    } else {
        minutes * 60
    };
    let utc = show(&format!("int({}),utime(%H:%M)", 1_700_000_000 + offset));
    assert_eq!(show("int(1700000000),ltime(%H:%M)"), utc);
    assert_eq!(show("int(1700000000000),ms_ltime(%H:%M)"), utc);
    assert_eq!(show("int(1700000000000000),us_ltime(%H:%M)"), utc);
}

#[test]
fn faults_read_as_upstream_prints_them() {
    let fixture = Fixture::new(TABLES);
    let refused = |text: &str, expected: &str| {
        assert_eq!(fixture.eval(text).expect_err(text), expected, "{text}");
    };
    refused("str(a),foo", "unknown converter 'foo'");
    refused("foo(a)", "unknown fetch method 'foo'");
    refused("", "missing fetch method");
    refused(
        "str(a),field(0,/)",
        "invalid args in converter 'field' : Unexpected value 0 for index",
    );
    refused(
        "bool(0),iif(a)",
        "invalid arg 2 in converter 'iif' : missing arguments (got 1/2), type 'string' expected",
    );
    refused("bin(31),add(1)", "converter 'add' cannot be applied");
    refused(
        "int(0x10)",
        "fetch method 'int' : failed to parse '0x10' as type 'integer' at position 1",
    );
    refused(
        "str(a),add(foo.bar)",
        "invalid args in converter 'add' : expects an integer or a variable name",
    );
    refused(
        "str(a),regsub(a,b,zz)",
        "invalid args in converter 'regsub' : invalid regex flag 'z', only 'i' and 'g' are supported",
    );
    refused(
        "bool(maybe)",
        "invalid args in fetch method 'bool' : Expects 'true', 'false', '0' or '1'",
    );
    refused(
        "str(a),lower(1)",
        "invalid arg 1 in converter 'lower' : expected ')' before '1)'",
    );
    refused(
        "str(a),field(1,/)x",
        "missing comma after converter 'field'",
    );
}
