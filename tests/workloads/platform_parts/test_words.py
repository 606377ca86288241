from __future__ import annotations

from harness.workloads.platform_parts.words import generator, make_words


def test_same_seed_same_words() -> None:
    """The pools are a function of their arguments, whatever ran before."""
    first = make_words(5, 100, long_bodies=True)
    make_words(6, 50, long_bodies=False)
    make_words.cache_clear()
    assert make_words(5, 100, long_bodies=True) == first
    assert make_words(6, 100, long_bodies=True) != first


def test_words_are_of_several_languages() -> None:
    """Names and messages hold characters of one, two and three bytes."""
    words = make_words(5, 200, long_bodies=False)
    for pool in ([name for name, _ in words.people], words.bodies):
        widths = {len(character.encode()) for text in pool for character in text}
        assert widths >= {1, 2, 3}


def test_long_bodies_need_overflow_pages() -> None:
    """Only where asked for, some messages are longer than a page."""
    long = make_words(5, 400, long_bodies=True)
    short = make_words(5, 400, long_bodies=False)
    assert sum(len(body) > 4096 for body in long.bodies) >= 1
    assert max(len(body.encode()) for body in short.bodies) < 4096


def test_generators_of_other_purposes_are_other() -> None:
    """Purpose and seed, its sign included, each make another generator."""
    first = [generator(p, s).random() for p, s in (("a", 1), ("b", 1), ("a", 2), ("a", -1))]
    assert len(set(first)) == 4
    assert generator("a", 1).random() == first[0]
