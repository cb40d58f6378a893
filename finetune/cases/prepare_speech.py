"""Recordings of speech with what is said in them: dialogue of a game, prompts of a telephone system.

Each manifest is a CSV file of `audio` (relative to the file), `text`, `group` and `speaker`. Splits keep a group whole.
"""

import collections
import csv
import gzip
import hashlib
import re
import shutil
import struct
import unicodedata
import wave

SEED = 0
TEST_SHARE = 0.15
VALIDATION_SHARE = 0.10
SHORTEST = 0.25  # seconds
FASTEST = 25  # characters in a second: more say that a text is not that of its recording

# source: the file that `audio` is a copy of.
Clip = collections.namedtuple("Clip", "audio text group speaker seconds source")


# ---- text

# Nobody knows how these were read aloud, nor digits, nor a full stop within a word (command.com).
SIGNS = re.compile(r"[\\/%+=&@#*$<>\[\](){}_~^|]|\d|(?<=[^\W\d_])\.(?=[^\W\d_])")


def is_legible(text, script):
    """Whether the text is words alone, in letters of the script."""
    letters = [c for c in text if c.isalpha()]
    return bool(letters) and not SIGNS.search(text) and all(unicodedata.name(c).startswith(script) for c in letters)


def spoken(text):
    """Lower-case words; apostrophes and hyphens are kept within words, other signs part them."""
    text = unicodedata.normalize("NFC", text).lower().replace("’", "'")
    kept = ""
    for before, c, after in zip(" " + text, text, text[1:] + " "):
        within = c in "'-" and before.isalpha() and after.isalpha()
        kept += c if c.isalpha() or within else " "
    return " ".join(kept.split())


# ---- sound


def ogg_seconds(content):
    """The length of an Ogg Vorbis file: its last page says how many samples end there."""
    if content[28:35] != b"\x01vorbis":
        raise ValueError("an Ogg file does not begin with a Vorbis header")
    rate = struct.unpack_from("<I", content, 40)[0]
    at = samples = 0
    while at < len(content):
        if content[at : at + 4] != b"OggS":
            raise ValueError(f"there is no Ogg page at byte {at}")
        samples = max(samples, struct.unpack_from("<q", content, at + 6)[0])  # -1 where no packet ends
        segments = content[at + 26]
        at += 27 + segments + sum(content[at + 27 : at + 27 + segments])
    return samples / rate


def wav_seconds(path):
    with wave.open(str(path)) as file:
        return file.getnframes() / file.getframerate()


def is_fitting(text, seconds, longest):
    """Whether the recording is neither too short nor too long, and long enough to say the text."""
    return SHORTEST <= seconds <= longest and len(text) <= FASTEST * seconds


# ---- splits and files


def drawn(name):
    """Orders groups at random, alike on every machine and whatever other groups there are."""
    return hashlib.sha256(f"{SEED}\n{name}".encode("utf-8")).digest()


def split(clips, largest=1.0):
    """Whole groups as drawn: for the test until it has its share of clips, then for validation, then for training.

    Groups with more than the share `largest` of all clips are for training.
    """
    sizes = collections.Counter(clip.group for clip in clips)
    part_of, taken = {}, collections.Counter()
    for group in sorted(sizes, key=drawn):
        part = "train"
        if sizes[group] <= largest * len(clips):
            if taken["test"] < TEST_SHARE * len(clips):
                part = "test"
            elif taken["validation"] < VALIDATION_SHARE * len(clips):
                part = "validation"
        part_of[group] = part
        taken[part] += sizes[group]
    parts = {"train": [], "validation": [], "test": []}
    for clip in clips:
        parts[part_of[clip.group]].append(clip)
    return parts


def write_manifest(path, clips):
    """Every field is quoted: what csv quotes otherwise differs between versions of Python."""
    rows = [(clip.audio, clip.text, clip.group, clip.speaker) for clip in clips]
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("audio", "text", "group", "speaker"), *rows])
    minutes = sum(clip.seconds for clip in clips) / 60
    characters = sum(len(clip.text) for clip in clips)
    groups = len({clip.group for clip in clips})
    print(f"  {path.name}: {len(clips):,} clips, {minutes:.1f} minutes, {characters:,} characters, {groups:,} groups")


def copy_clips(folder, clips):
    """The recordings, and a list of their SHA-256 sums as sha256sum writes it: pinning the list pins them all."""
    lines = []
    for clip in sorted(clips):
        path = folder / clip.audio
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(clip.source, path)
        lines.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {clip.audio}\n")
    (folder / "clips.sha256").write_text("".join(lines), encoding="utf-8")


# ---- dutch, czech

GAME = "usr/share/games/fillets-ng"
LONGEST_DIALOG = 8.0
ACTOR, OTHER_ACTOR = "font_small", "font_big"  # the two fishes; the game shows each speaker's words in a font
LEAST_OTHER = 150

QUOTED = r'\s*"((?:[^"\\]|\\.)*)"\s*'
DIALOG = re.compile(rf"dialogId\({QUOTED},{QUOTED}(?:,{QUOTED})?\)\s*dialogStr\({QUOTED}\)")


def dialogs(package, language):
    """The two actors' recordings whose sentence is legible."""
    clips = []
    for script in sorted((package / GAME / "script").glob(f"*/dialogs_{language}.lua")):
        level = script.parent.name
        for key, font, _, sentence in DIALOG.findall(script.read_text(encoding="utf-8")):
            sound = package / GAME / "sound" / level / language / f"{key}.ogg"
            if font not in (ACTOR, OTHER_ACTOR) or not sound.exists() or not is_legible(sentence, "LATIN"):
                continue
            text, seconds = spoken(sentence), ogg_seconds(sound.read_bytes())
            if is_fitting(text, seconds, LONGEST_DIALOG):
                clips.append(Clip(f"clips/{level}/{key}.ogg", text, level, font, seconds, sound))
    return sorted(clips)


def prepare_dialogs(package, folder, language):
    clips = dialogs(package, language)
    parts = split([clip for clip in clips if clip.speaker == ACTOR])
    other = [clip for clip in clips if clip.speaker == OTHER_ACTOR]
    levels = {part: {clip.group for clip in parts[part]} for part in parts}
    parts["test_speaker"] = [clip for clip in other if clip.group in levels["test"]]
    if len(parts["test_speaker"]) < LEAST_OTHER:
        parts["test_speaker"] = [clip for clip in other if clip.group not in levels["train"]]
    for part, rows in parts.items():
        write_manifest(folder / f"{part}.csv", rows)
    copy_clips(folder, [clip for rows in parts.values() for clip in rows])
    shutil.copyfile(package / f"usr/share/doc/fillets-ng-data-{language}/copyright", folder / "copyright")


def prepare_dutch(package, folder):
    prepare_dialogs(package, folder, "nl")


def prepare_czech(package, folder):
    prepare_dialogs(package, folder, "cs")


# ---- prompts

# script: of the letters; digits: their names; words: those of one letter, others are read as the letter's name.
Language = collections.namedtuple("Language", "voice script digits words")
LANGUAGES = {
    "en": Language("en_US_f_Allison", "LATIN", "zero one two three four five six seven eight nine", "ai"),
    "es": Language("es_MX_f_Allison", "LATIN", "cero uno dos tres cuatro cinco seis siete ocho nueve", "aeouyó"),
    "fr": Language("fr_CA_f_June", "LATIN", "zéro un deux trois quatre cinq six sept huit neuf", "aàyô"),
    "it": Language("it_IT_m_Carlo", "LATIN", "zero uno due tre quattro cinque sei sette otto nove", "aeèioò"),
    "ru": Language(
        "ru_RU_f_IvrvoiceRU", "CYRILLIC", "ноль один два три четыре пять шесть семь восемь девять", "авиокуся"
    ),
}

LONGEST_PROMPT = 30.0  # Whisper hears 30 seconds
# Silence, letters, names of protocols, which are read as letters or as words, and sounds.
LEFT_OUT = re.compile(
    r"silence/|letters/.$|spy-|(beep|beeperr|confbridge-(join|leave)|(a|de)scending-2tone|tt-monkeys)$"
)
DIGIT = re.compile(r"(?<![\w.,])\d(?!\w|[.,]\d)")  # alone, not part of a number or name
LOST_LETTER = re.compile(r"\?(?!\s*$|\s+[A-ZÀ-Ý«\"])")  # a question mark within a sentence was another letter once
SECOND_KEY = re.compile(r"[\w/]+-[\w-]+:")  # a line that holds two recordings, or its key twice
LONGEST_GRAM = 4
LARGEST_GROUP = 0.05


def transcripts(package, language):
    """The text of each recording that has one text."""
    name = f"asterisk-core-sounds-{language}"
    content = gzip.decompress((package / f"usr/share/doc/{name}/core-sounds-{language}.txt.gz").read_bytes())
    texts = collections.defaultdict(set)
    for line in content.decode("utf-8-sig").splitlines():
        if line and not line.startswith(";"):
            key, _, text = line.partition(":")
            texts[key].add(text.strip())
    return {key: found.pop() for key, found in texts.items() if len(found) == 1}


def as_read(text, language):
    """The text with its digits in words, or nothing where it does not say how it is read aloud."""
    digits = language.digits.split()
    text = DIGIT.sub(lambda match: digits[int(match.group())], text)
    words = re.findall(r"[^\W\d_]+", text)
    initials = any(len(word) > 1 and word.isupper() for word in words)
    names = any(len(word) == 1 and word not in language.words for word in spoken(text).split())
    garbled = LOST_LETTER.search(text) or SECOND_KEY.search(text)
    if initials or names or garbled or not is_legible(text, language.script):
        return ""
    return spoken(text)


def grams(text):
    """Four words each, or all of them where there are fewer."""
    words = text.split()
    size = min(LONGEST_GRAM, len(words))
    return [" ".join(words[start : start + size]) for start in range(len(words) - size + 1)]


def linked(texts):
    """For each key its group: texts that share a gram, directly or through others, named by the first key of all."""
    group = {key: key for key in texts}

    def first(key):
        while group[key] != key:
            key = group[key]
        return key

    owner = {}
    for key in sorted(texts):
        for gram in grams(texts[key]):
            one, other = sorted([first(key), first(owner.setdefault(gram, key))])
            group[other] = one
    return {key: first(key) for key in texts}


def prompts(package, code):
    """The recordings of speech whose text says how it was read."""
    language = LANGUAGES[code]
    sounds = package / "usr/share/asterisk/sounds" / language.voice
    texts, seconds = {}, {}
    for key, transcript in transcripts(package, code).items():
        sound, text = sounds / f"{key}.wav", as_read(transcript, language)
        if LEFT_OUT.match(key) or not sound.exists() or not text:
            continue
        seconds[key] = wav_seconds(sound)
        if is_fitting(text, seconds[key], LONGEST_PROMPT):
            texts[key] = text
    groups = linked(texts)
    return [
        Clip(f"{code}/clips/{key}.wav", texts[key], groups[key], language.voice, seconds[key], sounds / f"{key}.wav")
        for key in sorted(texts)
    ]


def prepare_prompts(package, folder):
    found = []
    for code in LANGUAGES:
        clips = prompts(package, code)
        write_manifest(folder / f"{code}.csv", clips)
        for part, rows in split(clips, LARGEST_GROUP).items():
            write_manifest(folder / f"{code}_{part}.csv", rows)
        found += clips
    copy_clips(folder, found)
    shutil.copyfile(package / "usr/share/doc/asterisk-core-sounds-en/copyright", folder / "copyright")
