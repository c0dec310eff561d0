# ruff: noqa
# mypy: ignore-errors
from lgviz.persistence.blocks.setup import SetUp
from lgviz.persistence.blocks.tree import Node, nodes_of, Trees
from lgviz.persistence.blocks.settled import Gone as BlockGone
from lgviz.persistence.blocks.checking import Checking, Problem, Found as BlockReport
from lgviz.persistence.database.schema import ITEMS
from lgviz.persistence.database.statements import Batch, Query

Block = Node
blocks_of = nodes_of
Trees.encode = Trees.plant
Trees.decode = Trees.grow


class BlockStore(SetUp, Checking):
    role = ITEMS

    @property
    def merkle(self):
        return self.trees

    @property
    def codec(self):
        return self.vault

    def set_up(self, role, beside=False):
        return self.setup(beside=beside)

    def forget(self, mark):
        self._forget(mark)


def check_blocks(blocks):
    return blocks.check_nodes()


def lasting():
    return bool((yield Batch([Query("SELECT 1")], last=True)))
