"""Other worlds: boards, whose kernels see shapes; sounds, along frequency and time; texts, along the words."""

from fastapi import APIRouter

from convscope.web.rooms.worlds import boards, sounds, words

router = APIRouter()
router.include_router(boards.router)
router.include_router(sounds.router)
router.include_router(words.router)
