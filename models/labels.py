"""What the domain model can say: the labels in the order of its logits, and the names users give
to groups of them.

The order is part of the shipped graph: `config.json` and `category_mapping.json` are written from
here.
"""

LABELS: tuple[str, ...] = (
    "biology",
    "business",
    "chemistry",
    "computer science",
    "economics",
    "engineering",
    "health",
    "history",
    "law",
    "math",
    "other",
    "philosophy",
    "physics",
    "psychology",
)

INDEX: dict[str, int] = {label: index for index, label in enumerate(LABELS)}

ALIASES: dict[str, tuple[str, ...]] = {
    "technical": ("computer science", "engineering"),
    "technology": ("computer science", "engineering"),
    "tech": ("computer science", "engineering"),
    "programming": ("computer science",),
    "coding": ("computer science",),
    "code": ("computer science",),
    "software": ("computer science",),
    "computer_science": ("computer science",),
    "cs": ("computer science",),
    "medical": ("health",),
    "medicine": ("health",),
    "healthcare": ("health",),
    "legal": ("law",),
    "general": ("other",),
    "chat": ("other",),
    "creative": ("other",),
    "everyday": ("other",),
    "finance": ("business", "economics"),
    "financial": ("business", "economics"),
    "mathematics": ("math",),
    "maths": ("math",),
    "science": ("biology", "chemistry", "physics"),
    "sciences": ("biology", "chemistry", "physics"),
    "stem": ("biology", "chemistry", "computer science", "engineering", "math", "physics"),
    "humanities": ("history", "philosophy"),
    "social_science": ("economics", "psychology"),
    "mental_health": ("psychology",),
}
