"""The object that a response is, at its beginning and at its end."""

import time

from penstock.api.blocks import Block, Blocks, read_blocks
from penstock.errors import ApiError
from penstock.inference.completion import Completion
from penstock.protocol.answer import Usage
from penstock.protocol.responses_answer import (
    IncompleteDetails,
    InputDetails,
    OutputCall,
    OutputDetails,
    OutputItem,
    OutputMessage,
    OutputReasoning,
    OutputTextPart,
    ReasoningEcho,
    ReasoningTextPart,
    Response,
    ResponseError,
    ResponseUsage,
)
from penstock.protocol.responses_items import Status
from penstock.protocol.responses_request import ResponsesRequest, TextConfig
from penstock.protocol.tools import TextFormat

_PREFIXES = {"reasoning": "rs", "text": "msg", "call": "fc"}


class ResponseRenderer:
    """Makes the objects of one response. Their ids are that of the request, so whoever has one finds the other."""

    def __init__(self, request: ResponsesRequest, *, request_id: str) -> None:
        self._request = request
        self._key = request_id.removeprefix("req_")
        self._created = int(time.time())

    def begun(self) -> Response:
        """The response before there is anything in it."""
        request = self._request
        reasoning = request.reasoning
        return Response(
            id=f"resp_{self._key}",
            created_at=self._created,
            status="in_progress",
            model=request.model,
            output=[],
            instructions=request.instructions,
            max_output_tokens=request.max_output_tokens,
            temperature=1.0 if request.temperature is None else request.temperature,
            top_p=1.0 if request.top_p is None else request.top_p,
            top_logprobs=request.top_logprobs or 0,
            text=request.text if request.text and request.text.format else TextConfig(TextFormat()),
            reasoning=ReasoningEcho(reasoning.effort, reasoning.summary) if reasoning else ReasoningEcho(),
            tools=request.tools or [],
            tool_choice=request.tool_choice or "auto",
            parallel_tool_calls=request.parallel_tool_calls is not False,
            metadata=request.metadata or {},
            service_tier=request.tier_used,
            user=request.user,
            safety_identifier=request.safety_identifier,
            prompt_cache_key=request.prompt_cache_key,
        )

    async def read(self, completion: Completion) -> Response:
        """The whole response, read to its end."""
        return self.ended(await read_blocks(completion), completion.usage)

    def ended(self, blocks: Blocks, usage: Usage) -> Response:
        """The whole response."""
        response = self.begun()
        response.completed_at = int(time.time())
        response.output = self._output(blocks)
        response.usage = _usage(usage)
        response.status = "completed"
        if blocks.finish_reason in ("length", "content_filter"):
            cut = blocks.finish_reason == "length"
            response.status = "incomplete"
            response.incomplete_details = IncompleteDetails("max_output_tokens" if cut else "content_filter")
        return response

    def failed(self, blocks: Blocks, error: ApiError) -> Response:
        """The response as far as it got."""
        response = self.begun()
        response.output = self._output(blocks)
        response.status = "failed"
        response.error = ResponseError("server_error", error.message)
        return response

    def _output(self, blocks: Blocks) -> list[OutputItem]:
        return [self.item(block, "completed" if blocks.is_complete(block) else "incomplete") for block in blocks.all]

    def item_id(self, block: Block) -> str:
        return f"{_PREFIXES[block.kind]}_{self._key}{block.index:04d}"

    def item(self, block: Block, status: Status) -> OutputItem:
        """A block as an item of output; one in progress has nothing in it yet."""
        item_id, begun = self.item_id(block), status != "in_progress"
        if block.kind == "call":
            return OutputCall(
                id=item_id, status=status, call_id=block.call_id, name=block.name, arguments=block.text if begun else ""
            )
        if block.kind == "reasoning":
            thoughts = [ReasoningTextPart(block.text)] if begun else []
            return OutputReasoning(id=item_id, status=status, content=thoughts)
        said = [OutputTextPart(block.text, logprobs=block.logprobs)] if begun else []
        return OutputMessage(id=item_id, status=status, content=said)


def _usage(usage: Usage) -> ResponseUsage:
    return ResponseUsage(
        input_tokens=usage.prompt_tokens,
        input_tokens_details=InputDetails(usage.prompt_tokens_details.cached_tokens),
        output_tokens=usage.completion_tokens,
        output_tokens_details=OutputDetails(usage.completion_tokens_details.reasoning_tokens),
        total_tokens=usage.total_tokens,
    )
