//! Small cases by hand: a pattern, clauses, events, and what comes out.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod support;

use support::notation::{Event, events, model};
use support::{Lines, NAMES, build};
use vencejo_expr::Value;
use vencejo_rules::spec::Order;
use vencejo_rules::{Match, RuleSet, Sink};

/// Writes `3: A0 B2` for a match of the rows 0 and 2 that comes out with event 3; `()` for an empty one,
/// `late` behind a timed-out one, `#` and the number of rows behind one whose rows come out.
#[derive(Default)]
struct Table {
    event: usize,
    lines: Vec<String>,
    last: Option<(u64, u64)>,
}

impl Sink for Table {
    fn matched(&mut self, matched: &Match<'_>, _: &[Value<'_>]) {
        let rows: Vec<String> = matched
            .rows
            .iter()
            .map(|row| format!("{}{}", NAMES[usize::from(row.variable)], row.sequence))
            .collect();
        let rows = if rows.is_empty() { format!("(){}", matched.first_sequence) } else { rows.join(" ") };
        let late = if matched.timed_out { " late" } else { "" };
        self.lines.push(format!("{}: {rows}{late}", self.event));
        self.last = Some((matched.first_sequence, matched.last_sequence));
    }
}

fn run(pattern: &str, clauses: &str, text: &str, order: Order) -> String {
    let mut set = RuleSet::new(build::set(&[model(pattern, clauses)], order));
    let mut table = Table::default();
    for (at, event) in events(text).into_iter().enumerate() {
        table.event = at;
        match event {
            Event::Row(row) => _ = set.row(&row.values(), at as u64, &mut table),
            Event::Watermark(watermark) => set.watermark(watermark, &mut table),
            Event::Tick(millis) => set.tick(millis * 1_000, &mut table),
            Event::End => set.watermark(i64::MAX, &mut table),
        }
    }
    table.lines.join(", ")
}

/// Each line: pattern ; clauses ; events ; what comes out.
fn check(order: Order, cases: &str) {
    let mut wrong = Vec::new();
    for case in cases.lines().map(str::trim).filter(|case| !case.is_empty() && !case.starts_with("--")) {
        let parts: Vec<&str> = case.split(';').map(str::trim).collect();
        let [pattern, clauses, events, expected] = parts[..] else { panic!("{case} has not four parts") };
        let found = run(pattern, clauses, events, order);
        if found != expected {
            wrong.push(format!("{case}\n    gave {found}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn preference() {
    check(
        Order::Arrival,
        "
        A B C        ;  ; a b c              ; 2: A0 B1 C2
        A B C        ;  ; a a b c            ; 3: A1 B2 C3
        A B C        ;  ; a b b c            ;
        -- greedy waits for more; reluctant does not
        A B+         ;  ; a b b c            ; 3: A0 B1 B2
        A B+?        ;  ; a b b c            ; 1: A0 B1
        A B*         ;  ; a c                ; 1: A0
        A B*?        ;  ; a b c              ; 0: A0
        A B? C       ;  ; a c a b c          ; 1: A0 C1, 4: A2 B3 C4
        A H*? C      ;  ; a b c c            ; 2: A0 H1 C2
        -- greedy gives rows back: the last C decides
        A H* C       ;  ; a b c c .          ; 4: A0 H1 H2 C3
        E+ B         ;  ; a b b c            ; 3: E0 E1 B2
        A{2}         ;  ; a a a a            ; 1: A0 A1, 3: A2 A3
        A{2,3} B     ;  ; a b a a b a a a a b; 4: A2 A3 B4, 9: A6 A7 A8 B9
        A{,2} B      ;  ; a a a b            ; 3: A1 A2 B3
        A{2,}        ;  ; a a a b a b        ; 3: A0 A1 A2
        -- the first alternative that leads to a match
        A | A B      ;  ; a b                ; 0: A0
        A B | A      ;  ; a b a c            ; 1: A0 B1, 3: A2
        A (B | F) C  ;  ; a b c a c c        ; 2: A0 B1 C2, 5: A3 F4 C5
        (A | B)+ C   ;  ; a b a c            ; 3: A0 B1 A2 C3
        P(A, B)      ;  ; a b b a            ; 1: A0 B1, 3: B2 A3
        P(A, B, C)   ;  ; c a b              ; 2: C0 A1 B2
        P(A, B?) C   ;  ; a c b a c          ; 1: A0 C1, 4: B2 A3 C4
        -- a round of a loop takes a row
        (A*)* B      ;  ; a a b              ; 2: A0 A1 B2
        (A*?)* B     ;  ; a a b              ; 2: A0 A1 B2
        (A?)*        ;  ; a c                ; 1: A0, 1: ()1
        (| A)* B     ;  ; a b                ; 1: A0 B1
        ",
    );
}

#[test]
fn keys_and_nulls() {
    check(
        Order::Arrival,
        "
        A B          ;  ; 1a 2a 1c 2b        ; 3: A1 B3
        A B          ;  ; 1a 2a 2b 1b        ; 2: A1 B2, 3: A0 B3
        -- NULL is a key, and no condition holds for a NULL
        A B          ;  ; -a 1a -b           ; 2: A0 B2

        A B          ;  ; a ? b              ;
        A H B        ;  ; a ? b              ; 2: A0 H1 B2
        ",
    );
}

#[test]
fn skips() {
    check(
        Order::Arrival,
        "
        A E B        ;                ; a a b b     ; 2: A0 E1 B2
        A E B        ; next           ; a a b b     ; 2: A0 E1 B2, 3: A1 E2 B3
        A+ B         ; next           ; a a b       ; 2: A0 A1 B2, 2: A1 B2
        A B C        ; first B        ; a b c b     ; 2: A0 B1 C2
        E E C        ; last E         ; a b c a c   ; 2: E0 E1 C2
        H A          ; last A         ; b a a a     ; 1: H0 A1, 2: H1 A2, 3: H2 A3
        -- to where the match began: no second match there
        A B          ; first A        ; a b         ; 1: A0 B1
        -- to a variable without rows: past the last row
        A B? C?      ; first B        ; a c a b c   ; 1: A0 C1, 4: A2 B3 C4
        -- a later match waits until earlier ones are decided
        A H H D | B C; next           ; a b c a     ; 3: B1 C2
        A H H D | B C;                ; a b c d     ; 3: A0 H1 H2 D3
        ",
    );
}

#[test]
fn empty_matches() {
    check(
        Order::Arrival,
        "
        A*           ;                ; b a b       ; 0: ()0, 2: A1, 2: ()2
        A*?          ;                ; a b         ; 0: ()0, 1: ()1
        A*           ; all            ; b a b       ; 0: ()0, 2: A1, 2: ()2
        A*           ; all omit       ; b a b       ; 2: A1
        (|A B)       ;                ; a b         ; 0: ()0, 1: ()1
        A B |        ;                ; a a b       ; 1: ()0, 2: A1 B2
        -- one that waits for an earlier run stands at its own row
        A !B C |     ; next           ; a d d c     ; 3: A0 C3, 3: ()1, 3: ()2, 3: ()3
        ",
    );
}

#[test]
fn rows_per_match() {
    check(
        Order::Arrival,
        "
        A B C        ; all            ; a b c       ; 2: A0 B1 C2, 2: A0 B1 C2, 2: A0 B1 C2
        A {- B -} C  ; all            ; a b c       ; 2: A0 B1 C2, 2: A0 B1 C2
        {- A B -}    ; all            ; a b         ;
        A {- B+ -}   ; all            ; a b b c     ; 3: A0 B1 B2
        ",
    );
}

#[test]
fn rows_before_the_match() {
    check(
        Order::Arrival,
        "
        G            ;                ; a b b c     ; 1: G1, 3: G3
        G G          ;                ; a b c a b c ; 2: G1 G2, 5: G4 G5
        G            ;                ; 1a 2b 1a 2c ; 3: G3
        ",
    );
}

#[test]
fn time_limits() {
    check(
        Order::Arrival,
        "
        -- strict: the last row's time less the first one's
        A B          ; within 5       ; a@0 b@5     ;
        A H B        ; within 5       ; a@0 c@1 b@4 ; 2: A0 H1 B2
        A B*         ; within 5       ; a@0 b@4 2a@5; 2: A0 B1
        A B*         ; within 5       ; a@0 b@4 w3 w4 ; 3: A0 B1
        A B          ; within 5       ; a@0 a@3 b@6 ; 2: A1 B2
        -- silence: engine time since the last row, from the first tick on
        A B*         ; within 5       ; a@0 b@1 t100 t103 t104 ; 4: A0 B1
        A B*         ; within 5       ; a@0 t100 b@1 t101 t104 t105 ; 5: A0 B2
        A B          ; within 5, timeouts ; a@0 t100 t104 t105 b@1 ; 3: A0 late
        A B C        ; within 5, timeouts ; a@0 b@1 2c@9 ; 2: A0 B1 late
        A B C        ; within 5, timeouts ; a@0 a@1 b@2 . ; 3: A1 B2 late
        A B          ; within 5, timeouts ; a@0 c@1 2c@9 ;
        A (B C)?     ; within 5, timeouts ; a@0 b@1 2c@9 ; 2: A0
        -- a row far behind begins what is over already
        A B          ; within 5, timeouts ; 2c@50 a@0 b@1 ; 1: A1 late
        A            ; within 5       ; 2c@50 a@0 ; 1: A1
        -- what a silent stream's clock gained is given back
        A B          ; within 5       ; a@0 t100 t200 a@1 b@2 ; 4: A3 B4
        ",
    );
}

#[test]
fn absences() {
    check(
        Order::Arrival,
        "
        A !B C       ;                ; a c         ; 1: A0 C1
        A !B C       ;                ; a d d c     ; 3: A0 C3
        A !B C       ;                ; a d b c     ;
        A !B C       ; within 3       ; a@0 d@1 c@3 ;
        -- at the end: by a timer
        A !B         ; within 5       ; a@0 c@1 t0 t3 t4   ; 4: A0
        A !B         ; within 5       ; a@0 b@1 t0 t9      ;
        A !B         ; within 5       ; a@0 c@1 b@5        ; 2: A0
        A !B         ; within 5       ; a@0 2c@5           ; 1: A0
        A !B         ; within 5       ; a@0 w3 w4          ; 2: A0
        A !B         ; within 5       ; a@0 .              ; 1: A0
        -- rows of an absence are none of the match: the next one may begin among them
        A !B         ; within 5       ; a@0 a@2 2c@9       ; 2: A0, 2: A1
        A+ !B        ; within 5       ; a@0 a@2 2c@9       ; 2: A0 A1
        A !H         ; within 5       ; a@0 c@1 a@2 2c@7   ; 3: A2
        -- the preferred way is the one that matches
        A (B | !C)   ; within 5       ; a@0 b@1 a@2 2c@7   ; 1: A0 B1, 3: A2
        A !B         ; within 5, timeouts ; a@0 2c@5       ; 1: A0
        A (C | !B)   ; within 5       ; a@0 b@1            ;
        ",
    );
}

#[test]
fn order_of_time() {
    check(
        Order::Event,
        "
        A B C        ;                ; c@3 a@1 b@2 w2 w3  ; 4: A1 B2 C0
        A B          ;                ; b@2 w1 a@1 w2      ;
        -- ties by x descending
        B A          ;                ; a@1 b@1 w1         ; 2: B1 A0
        A A          ;                ; a@1 a@1 w1         ; 2: A0 A1
        A B          ; within 5       ; a@1 b@6 w9         ;
        A !B         ; within 5       ; a@1 b@3 w5 a@7 w11 ; 4: A3
        A B          ;                ; a@1 b@2 .          ; 2: A0 B1
        A+           ;                ; a@1 a@2 w2 .       ; 3: A0 A1
        A+           ;                ; a@1 t9 w9 a@12 .   ; 4: A0 A3
        ",
    );
}

#[test]
fn what_comes_after_the_end_is_late() {
    let mut set = RuleSet::new(build::set(&[model("A", "")], Order::Arrival));
    let mut lines = Lines::default();
    set.watermark(i64::MAX, &mut lines);
    let Event::Row(row) = events("a")[0] else { panic!("a row") };
    assert_eq!(set.row(&row.values(), 0, &mut lines), vencejo_rules::Taken::Late);
    assert_eq!((set.late(), lines.0.len()), (1, 0));
}
