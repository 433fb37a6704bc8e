//! Scripts that loop, recurse, eat memory, and what becomes of them and of their neighbours.

use std::time::{Duration, Instant};

use lns_pipeline::codec::{CodecError, CodecSpec, DecodeInput, Limits, Worker, check};
use serde_json::json;

const SECOND_US: i64 = 1_000_000;

fn input(bytes: &[u8]) -> DecodeInput<'_> {
    DecodeInput { bytes, port: 1, received_at_us: 0, variables: None }
}

fn worker() -> Worker {
    Worker::new(Limits::default())
}

fn decoder(body: &str) -> CodecSpec {
    CodecSpec::javascript(format!("function Decoder(bytes) {{ {body} }}"))
}

fn label(body: &str) -> &'static str {
    worker().decode(&decoder(body), &input(&[]), 0).map_or_else(|error| error.label(), |_| "ok")
}

#[test]
fn a_script_that_does_not_end_is_stopped() {
    let bodies = [
        "while (true) {}",
        "for (;;) { bytes.length; }",
        "try { while (true) {} } catch (e) { return { caught: true }; }",
        "while (true) { try { while (true) {} } catch (e) {} }",
        "try { while (true) {} } finally { return { finished: true }; }",
        "function f() { try { while (true) {} } finally { f(); } } f();",
        "(function f() { setTimeout = f; while (true) Math.random(); })();",
        "new Promise(function () { while (true) {} });",
        "return { get x() { while (true) {} } };",
        "return { toJSON: function () { while (true) {} } };",
        "/(a+)+$/.test('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!');",
        "[1, 2].sort(function () { while (true) {} });",
        "eval('while (true) {}');",
        "function* g() { while (true) yield 1; } for (var x of g()) {}",
        "var a = new Uint8Array(2e6); while (true) a.slice();",
        "while (true) 'x'.repeat(2e6);",
    ];
    for body in bodies {
        let start = Instant::now();
        assert_eq!(label(body), "time_limit", "{body}");
        assert!(start.elapsed() < Duration::from_secs(2), "{body}: {:?}", start.elapsed());
    }
}

#[test]
fn a_script_that_eats_memory_is_stopped() {
    let bodies = [
        "var a = []; while (true) a.push({ a: 1 });",
        "var s = 'x'; while (true) { s += s; s.indexOf('y'); }",
        "new Uint8Array(9 * 1024 * 1024); return {};",
        "'x'.repeat(9e6); return {};",
        "new Array(9e5).fill(0); return {};",
        // Caught, but the limit was hit all the same.
        "try { new Uint8Array(9 * 1024 * 1024); } catch (e) { return { caught: true }; }",
        "var a = []; try { while (true) a.push({}); } catch (e) { return { caught: true }; }",
        "return { toJSON: function () { return 'x'.repeat(9e6); } };",
    ];
    for body in bodies {
        assert_eq!(label(body), "memory_limit", "{body}");
    }
    assert_eq!(label("new Uint8Array(6 * 1024 * 1024); return {};"), "ok");
}

/// The interpreter must survive the refusal of any allocation, wherever a script makes it.
#[test]
fn memory_may_end_anywhere() {
    let script = "class A { constructor(n) { this.n = n; } get twice() { return this.n * 2; } }
        function* count() { for (var i = 0; i < 40; i++) yield i; }
        async function later() { await 1; }
        function Decoder(bytes) {
          var map = new Map(), text = '', out = {};
          for (var i of count()) { map.set('k' + i, new A(i)); text += i; out['key' + i] = [i]; }
          delete out.key5; later();
          try { null.x; } catch (e) { out.stack = e.stack; }
          out.odd = [...map.keys()].sort().filter((k) => /k([0-9]+)/.exec(k)[1] % 2);
          return { out, text: text.split('1'), date: new Date(0), big: String(2n ** 200n),
            made: new Function('a', 'return a + 1')(2), bytes: new Uint16Array([1, 2, 3]),
            buffer: Buffer.from(text).toString('base64'), upper: text.toUpperCase() };
        }";
    let spec = CodecSpec::javascript(script);
    let mut enough = 0;
    for step in 0..400 {
        let memory_bytes = 240 * 1024 + step * 400;
        let limits = Limits { memory_bytes, call_us: 1_000_000, ..Limits::default() };
        match Worker::new(limits).decode(&spec, &input(&[]), 0) {
            Ok(_) => enough += 1,
            Err(error) => assert_eq!(error.label(), "memory_limit", "{memory_bytes}: {error}"),
        }
    }
    assert!(enough > 0 && enough < 400, "{enough} of 400 had enough memory");
}

#[test]
fn endless_work_of_a_built_in_function_is_refused_or_stopped() {
    let bodies = [
        ("new Array(4294967295).join('x');", "script"),
        ("String(new Array(4294967295));", "script"),
        ("new Array(4294967295).reverse();", "script"),
        ("new Array(4294967295).slice();", "script"),
        ("new Array(4294967295).concat([1]);", "script"),
        ("[].concat(new Array(4294967295));", "script"),
        ("Array.prototype.fill.call({ length: 9007199254740991 }, 0);", "script"),
        ("Array.prototype.unshift.call({ get length() { return 1e15; } }, 0);", "script"),
        ("new Array(4294967295).indexOf(1);", "time_limit"),
        ("new Array(4294967295).forEach(String);", "time_limit"),
        ("var a = []; for (var i = 0; i < 60; i++) a = [a, a]; a.flat(Infinity);", "time_limit"),
        ("'a'.repeat(2e6).indexOf('a'.repeat(1e6) + 'b');", "script"),
        ("'a'.repeat(2e6).split('a'.repeat(1e6) + 'b');", "script"),
        (
            "'a'.repeat(2e6).replace({ toString() { return 'a'.repeat(1e6) + 'b'; } }, '');",
            "script",
        ),
        ("var n = 3n ** 600000n; while (true) n * n;", "time_limit"),
        ("Array.from({ length: 4294967295 });", "_limit"),
        ("JSON.stringify(new Array(4294967295));", "_limit"),
    ];
    for (body, expected) in bodies {
        let start = Instant::now();
        let label = label(body);
        assert!(label.ends_with(expected), "{body}: {label}");
        assert!(start.elapsed() < Duration::from_secs(2), "{body}: {:?}", start.elapsed());
    }
    // What honest scripts do goes through the guards unchanged.
    let honest = decoder(
        "return { list: [1, [2, [3]]].flat(), deep: [1, [2, [3]]].flat(2), cut: 'a,b'.split(','),
           all: 'abc'.split(), chars: 'ab'.split(''), first: 'a,b,c'.split(',', 1),
           regex: 'a1b2'.replace(/[0-9]/g, '-'), call: 'ab'.replace('b', (c) => c + c),
           at: 'abc'.indexOf('c'), from: 'aaa'.indexOf('a', 1), none: 'undefined'.indexOf(),
           join: [1, null, 2].join('-'), sort: [3, 1, 2].sort(), name: [].join.name,
           like: Array.prototype.slice.call({ length: 2, 0: 1, 1: 2 }, 1),
           args: (function () { return [].slice.call(arguments); })(1, 2) };",
    );
    let decoded = worker().decode(&honest, &input(&[]), 0).unwrap();
    let expected = json!({
        "list": [1, 2, [3]], "deep": [1, 2, 3], "cut": ["a", "b"], "all": ["abc"],
        "chars": ["a", "b"], "first": ["a"], "regex": "a-b-", "call": "abb", "at": 2, "from": 1,
        "none": 0, "join": "1--2", "sort": [1, 2, 3], "name": "join", "like": [2], "args": [1, 2],
    });
    assert_eq!(decoded.data, expected);
}

#[test]
fn a_script_that_recurses_is_stopped() {
    let bodies = [
        "(function f() { f(); })();",
        "(function f(n) { return 1 + f(n + 1); })(0);",
        "var o = {}; o.toString = function () { return '' + o; }; '' + o;",
        "var a = []; for (var i = 0; i < 20000; i++) a = [a]; JSON.stringify(a);",
        "return { toJSON: function f() { return { toJSON: f }; }, x: (function g() { g(); })() };",
    ];
    for body in bodies {
        assert_eq!(label(body), "stack_limit", "{body}");
    }
    // Deep, but within reason.
    assert_eq!(label("function f(n) { return n ? f(n - 1) : 0; } return { n: f(1500) };"), "ok");
}

#[test]
fn a_worker_may_be_used_deeper_in_the_stack_than_it_was_made() {
    fn deep(levels: usize, worker: &mut Worker, spec: &CodecSpec) -> &'static str {
        let room = std::hint::black_box([levels; 128]);
        if levels > 0 {
            return deep(room[levels % 128] - 1, worker, spec);
        }
        worker.decode(spec, &input(&[]), 0).map_or_else(|error| error.label(), |_| "ok")
    }
    let run = || {
        let mut worker = worker();
        let spec = decoder("function f(n) { return n ? f(n - 1) : 0; } return { n: f(100) };");
        assert_eq!(deep(0, &mut worker, &spec), "ok");
        // About 1.5 MiB further down, more than a script's whole stack.
        assert_eq!(deep(1500, &mut worker, &spec), "ok");
    };
    std::thread::Builder::new().stack_size(8 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn a_message_after_a_limit_is_decoded_as_if_nothing_had_been() {
    let bodies = [
        "if (bytes[0]) { kept = 1; while (true) {} }",
        "if (bytes[0]) { var a = []; while (true) a.push(a.slice()); }",
        "if (bytes[0]) { (function f() { f(); })(); }",
        "if (bytes[0]) { Object.prototype.kept = 1; while (true) {} }",
    ];
    for body in bodies {
        let mut worker = worker();
        let spec = decoder(&format!("{body} return {{ kept: typeof kept }};"));
        for call in 0..2 {
            let error = worker.decode(&spec, &input(&[1]), 0).unwrap_err();
            assert!(error.label().ends_with("_limit"), "{body}, call {call}: {error}");
            let decoded = worker.decode(&spec, &input(&[0]), 0).unwrap();
            assert_eq!(decoded.data, json!({ "kept": "undefined" }), "{body}, call {call}");
        }
    }
}

#[test]
fn the_third_limit_within_a_minute_suspends_for_a_minute() {
    let mut worker = worker();
    let bad = decoder("if (bytes[0]) while (true) {} return {};");
    let good = decoder("return { good: true };");
    let mut label = |spec: &CodecSpec, byte: u8, second: i64| {
        worker
            .decode(spec, &input(&[byte]), second * SECOND_US)
            .map_or_else(|error| error.label(), |_| "ok")
    };
    let story = [
        (0, 1, "time_limit"),
        (1, 0, "ok"),
        (59, 1, "time_limit"),
        // A minute after the first, the count begins anew.
        (61, 1, "time_limit"),
        (62, 1, "time_limit"),
        (63, 0, "ok"),
        (64, 1, "time_limit"),
        (65, 0, "suspended"),
        (123, 0, "suspended"),
        (124, 0, "ok"),
        (125, 1, "time_limit"),
        (126, 0, "ok"),
    ];
    for (second, byte, expected) in story {
        assert_eq!(label(&bad, byte, second), expected, "at {second} s");
        assert_eq!(label(&good, 1, second), "ok", "the neighbour at {second} s");
    }
}

#[test]
fn a_suspension_says_until_when_and_does_not_bind_a_corrected_script() {
    let mut worker = worker();
    let bad = decoder("while (true) {}");
    for _ in 0..3 {
        worker.decode(&bad, &input(&[]), 5 * SECOND_US).unwrap_err();
    }
    let error = worker.decode(&bad, &input(&[]), 6 * SECOND_US).unwrap_err();
    assert_eq!(error, CodecError::Suspended { until_us: 65 * SECOND_US });
    let corrected = decoder("return { corrected: true };");
    assert!(worker.decode(&corrected, &input(&[]), 6 * SECOND_US).is_ok());
}

#[test]
fn a_script_whose_top_level_never_ends_is_suspended_too() {
    let mut worker = worker();
    let spec = CodecSpec::javascript("while (true) {}");
    for _ in 0..3 {
        let error = worker.decode(&spec, &input(&[]), 0).unwrap_err();
        assert_eq!(error, CodecError::TimeLimit { limit_us: 100_000 });
    }
    assert_eq!(worker.decode(&spec, &input(&[]), 0).unwrap_err().label(), "suspended");
}

#[test]
fn forgotten_scripts_come_back_but_their_record_stays() {
    let mut worker = Worker::new(Limits { loaded: 2, ..Limits::default() });
    let bad = decoder("if (bytes[0]) while (true) {} return { bad: true };");
    for _ in 0..2 {
        worker.decode(&bad, &input(&[1]), 0).unwrap_err();
    }
    for n in 0..10 {
        let decoded = worker.decode(&decoder(&format!("return {{ n: {n} }};")), &input(&[]), 0);
        assert_eq!(decoded.unwrap().data, json!({ "n": n }));
    }
    assert_eq!(worker.decode(&bad, &input(&[0]), 0).unwrap().data, json!({ "bad": true }));
    worker.decode(&bad, &input(&[1]), 0).unwrap_err();
    assert_eq!(worker.decode(&bad, &input(&[0]), 0).unwrap_err().label(), "suspended");
}

#[test]
fn promises_do_not_pile_up() {
    let mut worker = worker();
    let spec =
        decoder("Promise.resolve().then(function () { ran = true; }); return { ran: typeof ran };");
    for _ in 0..3 {
        let decoded = worker.decode(&spec, &input(&[]), 0).unwrap();
        assert_eq!(decoded.data, json!({ "ran": "undefined" }));
    }
}

#[test]
fn garbage_of_many_calls_is_collected() {
    let mut worker = worker();
    let spec = decoder("var a = { list: new Array(1000).fill(1) }; a.self = a; return { n: 1 };");
    for _ in 0..2000 {
        worker.decode(&spec, &input(&[]), 0).unwrap();
    }
}

#[test]
fn a_script_cannot_fake_or_hide_a_limit() {
    let fake = label("throw new InternalError('out of memory');");
    assert_eq!(fake, "script");
    assert_eq!(label("throw new InternalError('interrupted');"), "script");
    assert_eq!(label("throw null;"), "script");
    assert_eq!(check("while (true) {} function Decoder() {}").unwrap_err().label(), "time_limit");
}
