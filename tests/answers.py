"""What a streamed answer holds, for tests with Django's synchronous client."""

from asgiref.sync import async_to_sync
from django.http import StreamingHttpResponse


@async_to_sync
async def body_of(answer: StreamingHttpResponse) -> bytes:
    """Read it in the caller's thread, and so within the test's transaction."""
    return b"".join([block async for block in answer.streaming_content])
