"""From tasks to records: each kind has its own module. Pure: the same subject and tasks give the same bytes."""

from convscope.atlas import drawing, kernels, links, looking
from convscope.atlas.plan import Group
from convscope.atlas.store import Record
from convscope.atlas.subject import Subject

_ALONE = {"draw": drawing.draw, "kernels": kernels.show, "links": links.follow, "seen": looking.keep}


def run(subject: Subject, group: Group) -> tuple[Record, ...]:
    """Do the tasks of a group: one record for each, in their order."""
    if group[0].kind in _ALONE:
        return tuple(_ALONE[task.kind](subject, task) for task in group)
    return looking.look(subject, group)
