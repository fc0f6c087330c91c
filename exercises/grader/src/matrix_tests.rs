use super::*;

fn report(list: &[(&str, &str)]) -> Report {
    let verdict = |text: &str| match text {
        "pass" => Verdict::Pass,
        "skip" => Verdict::Skip("not here".into()),
        reason => Verdict::Fail(reason.into()),
    };
    list.iter()
        .map(|(name, text)| (name.to_string(), verdict(text)))
        .collect()
}

fn exercise(kind: &str) -> Exercise {
    let text = format!(
        "id = 'ch01'\nchapter = '01'\ntitle = 'x'\npoints = 2\nminutes = 1\nkind = '{kind}'\nchecks = {{ a = 1, b = 1 }}"
    );
    toml::from_str(&text).unwrap()
}

fn mutant(others: &str) -> Mutant {
    toml::from_str(&format!(
        "name = 'm'\nfails = ['a']\nsays = 'no zombie'\nothers = '{others}'\nbodies = {{}}"
    ))
    .unwrap()
}

fn weighed(expected: &Expected, list: &[(&str, &str)]) -> Cell {
    weigh(&exercise("build"), expected, &report(list))
}

fn is_wrong(cell: &Cell) -> bool {
    matches!(cell, Cell::Wrong(_))
}

fn is_right(cell: &Cell) -> bool {
    matches!(cell, Cell::Right(_))
}

#[test]
fn a_starter_that_passes_a_check_is_wrong() {
    let nothing = Expected::Nothing;
    assert!(is_right(&weighed(&nothing, &[("a", "no"), ("b", "no")])));
    assert!(is_wrong(&weighed(&nothing, &[("a", "no"), ("b", "pass")])));
    let extend = exercise("extend");
    let some = report(&[("a", "no"), ("b", "pass")]);
    assert!(is_right(&weigh(&extend, &nothing, &some)));
    let all = report(&[("a", "pass"), ("b", "pass")]);
    assert!(is_wrong(&weigh(&extend, &nothing, &all)));
}

#[test]
fn a_reference_that_fails_a_check_is_wrong() {
    let all = Expected::Everything;
    assert!(is_right(&weighed(&all, &[("a", "pass"), ("b", "skip")])));
    assert!(is_wrong(&weighed(&all, &[("a", "pass"), ("b", "no")])));
}

#[test]
fn where_every_check_is_skipped_nothing_is_right() {
    let skips = [("a", "skip"), ("b", "skip")];
    let mutant = mutant("pass");
    for expected in [
        Expected::Nothing,
        Expected::Everything,
        Expected::Caught(&mutant),
    ] {
        let cell = weighed(&expected, &skips);
        assert!(matches!(cell, Cell::CannotTell(_)), "{cell:?}");
    }
}

#[test]
fn a_mutant_is_caught_by_its_own_check_for_its_own_reason() {
    let mutant = mutant("pass");
    let tried = |a, b| {
        let report = report(&[("a", a), ("b", b)]);
        caught(&mutant, false, &report, &Count::of(&report))
    };
    assert!(is_right(&tried("there is no zombie", "pass")));
    assert!(is_wrong(&tried("pass", "pass")));
    assert!(is_wrong(&tried("pass", "there is no zombie")));
    assert!(is_wrong(&tried("another reason", "pass")));
    assert!(is_wrong(&tried("there is no zombie", "no")));
}

#[test]
fn other_checks_may_fail_where_the_mutant_says_so() {
    let report = report(&[("a", "no zombie"), ("b", "no")]);
    let tried = |others, unprivileged| {
        let mutant = mutant(others);
        caught(&mutant, unprivileged, &report, &Count::of(&report))
    };
    assert!(is_right(&tried("may-fail", false)));
    assert!(is_right(&tried("may-fail-unprivileged", true)));
    assert!(is_wrong(&tried("may-fail-unprivileged", false)));
}
