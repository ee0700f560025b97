"""The answer on the wire, to the last key: what a client may rely on is compared whole."""

import json

from penstock.protocol.answer import (
    AnswerMessage,
    AnswerToolCall,
    CalledFunction,
    ChatCompletion,
    Choice,
    ChoiceLogprobs,
    CompletionDetails,
    PromptDetails,
    TokenLogprob,
    TopLogprob,
    Usage,
    encode,
)


def test_the_answer_has_every_key_of_the_contract() -> None:
    usage = Usage(47, 16, 63, PromptDetails(), CompletionDetails())
    choice = Choice(index=0, finish_reason="stop", message=AnswerMessage(content="Hi"))
    answer = ChatCompletion(id="chatcmpl-1", created=1739960163, model="m", choices=[choice], usage=usage)
    assert json.loads(encode(answer)) == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1739960163,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "stop_reason": None,
                "logprobs": None,
                "message": {
                    "role": "assistant",
                    "content": "Hi",
                    "refusal": None,
                    "audio": None,
                    "function_call": None,
                    "tool_calls": [],
                },
            }
        ],
        "service_tier": None,
        "system_fingerprint": None,
        "prompt_logprobs": None,
        "usage": {
            "prompt_tokens": 47,
            "completion_tokens": 16,
            "total_tokens": 63,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }


def test_reasoning_is_there_under_both_names() -> None:
    message = AnswerMessage(content="4", reasoning_content="2+2", reasoning="2+2")
    assert json.loads(encode(message))["reasoning_content"] == json.loads(encode(message))["reasoning"] == "2+2"


def test_reasoning_is_absent_where_there_is_none() -> None:
    assert not {"reasoning", "reasoning_content"} & set(json.loads(encode(AnswerMessage(content="4"))))


def test_a_call_has_the_form_that_the_official_clients_read() -> None:
    call = AnswerToolCall(id="call_1", function=CalledFunction("f", '{"a":1}'))
    message = json.loads(encode(AnswerMessage(content=None, tool_calls=[call])))
    assert message["content"] is None
    assert message["tool_calls"] == [
        {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    ]


def test_probabilities_have_the_form_that_the_official_clients_read() -> None:
    token = TokenLogprob("é", -0.5, [0xC3, 0xA9], [TopLogprob("é", -0.5, [0xC3, 0xA9]), TopLogprob("e", -1.5)])
    assert json.loads(encode(ChoiceLogprobs([token]))) == {
        "content": [
            {
                "token": "é",
                "logprob": -0.5,
                "bytes": [195, 169],
                "top_logprobs": [
                    {"token": "é", "logprob": -0.5, "bytes": [195, 169]},
                    {"token": "e", "logprob": -1.5, "bytes": None},
                ],
            }
        ],
        "refusal": None,
    }
