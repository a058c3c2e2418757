"""Files that extend others: what they inherit, what they add, what is refused."""

from pathlib import Path

from benchmark.spec import cells, load_experiment, load_protocol
from tests.benchmark.cases import EXPERIMENT, PROTOCOL, Expand, complaint, rule


def test_an_extending_file_takes_what_it_does_not_set_but_no_labels(
    expand: Expand, tmp_path: Path
) -> None:
    labels = '"Tiny"\ntable = 3\nfigure = "fig3"\nmisprints = [{ printed = 9, why = "so" }]'
    whole = expand(EXPERIMENT.replace('"Tiny"', labels))
    other = tmp_path / "other.toml"
    other.write_text(f'title = "Other"\nextends = "{tmp_path / "mine.toml"}"\n')
    spec = load_experiment(str(other))
    assert (spec.name, spec.title, spec.table, spec.figure) == ("other", "Other", None, None)
    assert spec.misprints == ()
    assert cells(spec, load_protocol(str(tmp_path / "way.toml")), spec.profiles["paper"]) == whole
    other.write_text(other.read_text() + "[profiles.only]\nseeds = 1\n")
    assert list(load_experiment(str(other)).profiles) == ["only"]


def test_a_file_that_extends_several_has_the_rules_of_all_and_the_firsts_grid(
    expand: Expand, tmp_path: Path
) -> None:
    expand()
    second, third, other = (tmp_path / f"{name}.toml" for name in ("second", "third", "other"))
    changed = EXPERIMENT.replace('"fedavg", "local"', '"fedavg", "pfml"')
    second.write_text(changed.replace("rounds = 4", "rounds = 5\nhyper.E = 7"))
    third.write_text(changed.replace("rounds = 4", "rounds = 6"))
    three = [str(tmp_path / "mine.toml"), str(second), str(third)]
    other.write_text(f'title = "Other"\nextends = {three}\n')
    spec = load_experiment(str(other))
    found = cells(spec, load_protocol(str(tmp_path / "way.toml")), spec.profiles["paper"])
    assert [cell.algorithm for cell in found] == ["fedavg", "local"]
    assert [(cell.rounds, cell.hyper["E"]) for cell in found] == [(6, 7)] * 2


def test_an_extending_file_can_be_extended(expand: Expand, tmp_path: Path) -> None:
    expand()
    second, third = tmp_path / "second.toml", tmp_path / "third.toml"
    second.write_text(
        f'title = "Second"\ntable = 3\nextends = "{tmp_path / "mine.toml"}"\n'
        + rule("hyper.E = 7")
        + "[profiles.only]\nseeds = 1\n"
    )
    third.write_text(f'title = "Third"\nextends = "{second}"\n' + rule("hyper.eta = 0.5"))
    spec = load_experiment(str(third))
    assert (spec.title, spec.table, list(spec.profiles)) == ("Third", None, ["only"])
    found = cells(spec, load_protocol(str(tmp_path / "way.toml")), spec.profiles["only"])
    assert [(cell.rounds, cell.hyper) for cell in found] == [(4, {"E": 7, "eta": 0.5})] * 2


def test_a_file_that_extends_itself_is_refused(tmp_path: Path) -> None:
    one, other = tmp_path / "one.toml", tmp_path / "other.toml"
    one.write_text(f'title = "One"\nextends = "{other}"\n')
    other.write_text(f'title = "Other"\nextends = "{one}"\n')
    assert "other.toml: extends: the file extends itself" in complaint(
        lambda: load_experiment(str(one))
    )


def test_a_protocol_that_extends_another_has_its_rules_and_then_its_own(
    expand: Expand, tmp_path: Path
) -> None:
    expand(protocol=PROTOCOL + "hyper = { eta = 0.9, E = 9 }\n")
    other = tmp_path / "other.toml"
    other.write_text(
        f'description = "Other"\nreduction = "best"\nextends = "{tmp_path / "way.toml"}"\n'
        + rule("hyper.E = 3")
    )
    protocol, spec = load_protocol(str(other)), load_experiment(str(tmp_path / "mine.toml"))
    assert (protocol.name, protocol.reduction, protocol.smoothing) == ("other", "best", 1)
    found = cells(spec, protocol, spec.profiles["paper"])
    assert [cell.hyper for cell in found] == [{"eta": 0.9, "E": 3}] * 2
    other.write_text(other.read_text().replace("way.toml", "other.toml"))
    assert "other.toml: extends: the file extends itself" in complaint(
        lambda: load_protocol(str(other))
    )


def test_an_extending_file_needs_a_title_of_its_own(expand: Expand, tmp_path: Path) -> None:
    expand()
    other = tmp_path / "other.toml"
    other.write_text(f'extends = "{tmp_path / "mine.toml"}"\n')
    assert "other.toml: title: Field required" in complaint(lambda: load_experiment(str(other)))
