"""What users do to a text without changing its subject: slips of the finger, courtesies, wishes
about the answer.

Every function takes a text and a random source and returns a text with the same label. Case needs
no augmentation: the tokenizer lower-cases.
"""

from random import Random

from models.training.data import is_chinese

TYPO_SHARE = 0.35
WISH_SHARE = 0.06
GREETING_SHARE = 0.04
BARE_ENDING_SHARE = 0.15

_WISHES = {
    False: (
        "Please answer briefly.", "please answer briefly", "Keep it short.", "Be concise.",
        "Explain step by step.", "Thanks!", "thank you", "Answer in one sentence.",
        "Please give me a detailed answer.", "Give an example.", "Use bullet points.",
        "In simple terms please.", "I need this today.", "What do you think?", "Any ideas?",
    ),
    True: (
        "请简要回答", "请简要回答。", "简单说说就行", "请详细说明。", "谢谢！", "谢谢",
        "请一步一步解释。", "用一句话回答。", "请举例说明。", "尽量通俗一点", "请分点回答。",
        "在线等，急", "麻烦了", "你怎么看？", "越快越好",
    ),
}  # fmt: skip

_GREETINGS = {
    False: (
        "Hi, ", "Hello! ", "hey ", "Good morning. ", "Quick question: ", "Can you help me? ",
        "So, ", "Please help: ",
    ),
    True: (
        "你好，", "您好，", "请问", "请教一下，", "问个问题：", "帮我看看，", "在吗？", "大家好，",
    ),
}  # fmt: skip

_NEIGHBOURS = {
    "a": "qsz", "b": "vgn", "c": "xvd", "d": "sfe", "e": "wrd", "f": "dgr", "g": "fht",
    "h": "gjy", "i": "uok", "j": "hku", "k": "jli", "l": "kop", "m": "njk", "n": "bmh",
    "o": "ipl", "p": "ol", "q": "wa", "r": "etf", "s": "adw", "t": "ryg", "u": "yij",
    "v": "cbf", "w": "qes", "x": "zcs", "y": "tuh", "z": "xas",
}  # fmt: skip


def vary(text: str, random: Random) -> str:
    """At most a few small changes; most texts come back as they are."""
    chinese = is_chinese(text)
    if random.random() < BARE_ENDING_SHARE:
        text = text.rstrip(" ?？.。!！")
    if random.random() < TYPO_SHARE:
        text = with_typos(text, random, count=1 + len(text) // 50)
    if random.random() < WISH_SHARE:
        text = f"{text}{'' if chinese else ' '}{random.choice(_WISHES[chinese])}"
    if random.random() < GREETING_SHARE:
        text = random.choice(_GREETINGS[chinese]) + text
    return text


def with_typos(text: str, random: Random, count: int) -> str:
    """`count` slips at random letters or Han characters."""
    characters = list(text)
    for _ in range(count):
        places = [place for place, character in enumerate(characters[:-1]) if character.isalpha()]
        if len(places) < 4:
            break
        _slip(characters, random.choice(places), random)
    return "".join(characters)


def _slip(characters: list[str], place: int, random: Random) -> None:
    """Swap with the next, lose, double, or hit the neighbouring key."""
    kind = random.choice(("swap", "drop", "double", "neighbour"))
    if kind == "swap":
        characters[place : place + 2] = reversed(characters[place : place + 2])
    elif kind == "drop":
        del characters[place]
    elif kind == "double":
        characters.insert(place, characters[place])
    elif near := _NEIGHBOURS.get(characters[place].lower()):
        characters[place] = random.choice(near)
