"""Every built-in method can be told from the others by its line."""

from itertools import combinations

from benchmark.places import algorithm_names
from reports.names import method_name
from reports.pictures import look


def test_no_two_lines_look_alike() -> None:
    series = [(name, scores) for name in algorithm_names() for scores in ("personal", "global")]
    drawn = [each for each in series if each != ("local", "global")]
    for one, other in combinations(drawn, 2):
        assert look(*one) != look(*other), (one, other)


def test_a_method_of_ones_own_has_a_look_and_its_files_name() -> None:
    assert look("mine", "personal") != look("mine", "global")
    assert method_name("mine") == "mine"
    assert method_name("fedrod") == "FedRoD"
