from __future__ import annotations

from router.config.conditions import (
    domains_asked_for,
    kinds_asked_for,
    leaves,
    names_asked_for,
)
from router.config.decisions import Condition
from router.config.schema import Config

TREE = {
    "operator": "OR",
    "conditions": [
        {"type": "domain", "name": "law"},
        {
            "operator": "NOT",
            "conditions": [
                {
                    "operator": "AND",
                    "conditions": [
                        {"type": "keyword", "name": "urgent"},
                        {"type": "domain", "name": "science"},
                    ],
                }
            ],
        },
        {"type": "domain", "name": "law"},
    ],
}
REFS = [{"model": "base"}]
CONFIG = Config.model_validate(
    {
        "vllm_endpoints": [{"name": "a", "address": "h", "port": 1}],
        "model_config": {"base": {}},
        "default_model": "base",
        "categories": [
            {
                "name": "law",
                "mmlu_categories": ["legal"],
                "model_scores": [{"model": "base", "score": 1}],
            }
        ],
        "signals": {"domains": [{"name": "law", "mmlu_categories": ["other"]}, {"name": "health"}]},
        "decisions": [
            {"name": "a", "rules": TREE, "modelRefs": REFS},
            {"name": "b", "modelRefs": REFS},
            {"name": "c", "rules": {"type": "mcp", "name": "x"}, "modelRefs": REFS},
        ],
    }
)


def test_the_leaves_of_a_tree_come_from_left_to_right():
    found = [leaf.name for leaf in leaves(Condition.model_validate(TREE))]
    assert found == ["law", "urgent", "science", "law"]


def test_names_and_kinds_are_told_once_each_in_the_order_of_the_file():
    assert names_asked_for(CONFIG, "domain") == ("law", "science")
    assert names_asked_for(CONFIG, "language") == ()
    assert kinds_asked_for(CONFIG) == ("domain", "keyword", "mcp")


def test_domains_are_those_of_categories_then_of_signals_then_of_conditions():
    groups = {group.name: group.mmlu_categories for group in domains_asked_for(CONFIG)}
    assert groups == {"law": ("legal",), "health": (), "science": ()}
    assert list(groups) == ["law", "health", "science"]
