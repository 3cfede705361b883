"""How each category can be found: the methods that may name it, of those that are in use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from router.config.labels import Vocabulary, labels_of
from router.config.schema import Category, Config


@dataclass(frozen=True)
class Ways:
    """The methods by category; without `vocabulary` no category is known to be a domain."""

    config: Config
    vocabulary: Vocabulary | None

    def of(self, category: Category) -> tuple[str, ...]:
        """The methods of `classification_order` that may find `category`."""
        order = self.config.classification_order
        return tuple(method for method in order if _NAMES[method](self, category))

    def described(self) -> tuple[Category, ...]:
        """The categories that only their descriptions lead to."""
        if self.vocabulary is None and self.config.classifier.category_model is not None:
            return ()  # any might be a domain
        others = {"mcp", "description"}  # what a server lists is not known before it is asked
        return tuple(
            category
            for category in self.config.categories
            if "description" in (found := self.of(category)) and others.issuperset(found)
        )

    def has_encoder(self) -> bool:
        """Whether something turns prompts into vectors."""
        return bool(self.config.embedding_model or self.config.classifier.category_model)

    def _by_keyword(self, category: Category) -> bool:
        return any(rule.title == category.name for rule in self.config.every_keyword_rule)

    def _by_embedding(self, category: Category) -> bool:
        return any(rule.title == category.name for rule in self.config.every_embedding_rule)

    def _by_mcp(self, _: Category) -> bool:
        server = self.config.classifier.mcp_category_model
        return server is not None and server.enabled

    def _by_domain(self, category: Category) -> bool:
        words = self.vocabulary
        return words is not None and bool(labels_of(category, words.labels, words.aliases))

    def _by_description(self, category: Category) -> bool:
        return bool(category.description.strip()) and self.has_encoder()


_NAMES: Mapping[str, Callable[[Ways, Category], bool]] = MappingProxyType(
    {
        "keyword": Ways._by_keyword,
        "embedding": Ways._by_embedding,
        "mcp": Ways._by_mcp,
        "domain": Ways._by_domain,
        "description": Ways._by_description,
    }
)
