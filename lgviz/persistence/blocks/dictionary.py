"""What small stored texts are compressed against: how messages and checkpoints begin, once written down.

Never change it: stored bytes cannot be read without it. A better one would be a second constant and form.
"""

from __future__ import annotations

import threading

import zstandard

DICTIONARY = (
    b" the of and to a in is that for it as with on be this are by an "
    b"or from which you have not \xc7\xbe\x11\x97\xbclangchain_core.messages.tool\xabToo"
    b"lMessage\xa8pydantic\x89\xa7content\xa0\xb1additional_kwargs\x80\xb1response_metadata"
    b"\x80\xa4type\xa4tool\xa4name\xc0\xa2id\xa0\xactool_call_id\xa5call_\xa8artifact\xc0\xa6status\xa7succes"
    b"s\x93\xa7content\xa2id\xactool_call_id\x80\xc0\xc7\xa8\x11\x97\xbelangchain_core.messages.system\xad"
    b"SystemMessage\xa8pydantic\x86\xa7content\xbdYou are a helpful assistant. \xb1ad"
    b"ditional_kwargs\x80\xb1response_metadata\x80\xa4type\xa6system\xa4name\xc0\xa2id\xa0\x92\xa7conte"
    b"nt\xa2id\x80\xc0\xc8\x01\x97\x11\x97\xbalangchain_core.messages.ai\xa9AIMessage\xa8pydantic\x89\xa7cont"
    b"ent\xa0\xb1additional_kwargs\x80\xb1response_metadata\x83\xaamodel_name\xa0\xadfinish_re"
    b"ason\xa4stop\xabtoken_usage\x83\xb1completion_tokens\x01\xadprompt_tokens\x01\xactotal_t"
    b"okens\x02\xa4type\xa2ai\xa4name\xc0\xa2id\xa0\xaatool_calls\x91\x84\xa4name\xa6search\xa4args\x81\xa5query\xa3th"
    b"e\xa2id\xa5call_\xa4type\xa9tool_call\xb2invalid_tool_calls\x90\xaeusage_metadata\x83\xacin"
    b"put_tokens\x01\xadoutput_tokens\x01\xactotal_tokens\x02\x95\xa7content\xa2id\xb1response_me"
    b"tadata\xaatool_calls\xaeusage_metadata\x80\xc0\x83\xa1v\x04\xa2ts\xd9 2026-11-20T14:23:17.3"
    b"21853+00:00\xb0updated_channels\x92\xaebranch:to:agent\xa8messages\x98\x01\x00\xc4\n\xa9__in"
    b'put__\xc4\x01\x80\xc4\n\xa9__start__\xc4\x1d\x81\xa9__start__\xb100000088.\xc4\x05\xa4chat\xc4"\x81\xaebranch:to:'
    b'\xb100000086.\x98\x01\x00\xc4\x1d\x92\xa9__start__\xb100000089.\xc4\x00\xc4\x1c\x92\xa8messages\xb100000089.\xcc\x9e\xc4"'
    b"\x92\xaebranch:to:\xb100000089.\xc4\x01\x03\xc7\xaf\x11\x97\xbalangchain_core.messages.ai\xa9AIMessa"
    b"ge\xa8pydantic\x89\xa7content\xa0\xb1additional_kwargs\x80\xb1response_metadata\x80\xa4type"
    b"\xa2ai\xa4name\xc0\xa2id\xa0\xaatool_calls\x90\xb2invalid_tool_calls\x90\xaeusage_metadata\xc0\x92\xa7c"
    b"ontent\xa2id\x80\xc0\xc7\x88\x11\x97\xbdlangchain_core.messages.human\xacHumanMessage\xa8pydan"
    b"tic\x86\xa7content\xa0\xb1additional_kwargs\x80\xb1response_metadata\x80\xa4type\xa5human\xa4n"
    b"ame\xc0\xa2id\xa0\x92\xa7content\xa2id\x80\xc0"
)


_MAGICLESS = zstandard.FORMAT_ZSTD1_MAGICLESS  # four bytes less for each


def unpacked_size(data: bytes) -> int:
    """How many bytes something compressed says that it holds; unpacked it may not hold more.

    Raises:
        zstandard.ZstdError: it is damaged.
    """
    size: int = zstandard.get_frame_parameters(data, format=_MAGICLESS).content_size
    return size


class _Zstd(threading.local):
    """One for each thread: two must not use the same contexts at once."""

    def __init__(self) -> None:
        parameters = zstandard.ZstdCompressionParameters.from_level(
            3, format=_MAGICLESS, write_content_size=True
        )
        self.compress = zstandard.ZstdCompressor(
            dict_data=_DICTIONARY, compression_params=parameters
        ).compress
        self.decompress = zstandard.ZstdDecompressor(dict_data=_DICTIONARY, format=_MAGICLESS).decompress


_DICTIONARY = zstandard.ZstdCompressionDict(DICTIONARY, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
zstd = _Zstd()
"""Compresses bytes against the dictionary, and back."""
