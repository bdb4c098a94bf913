"""The grammar of file names: scenes, image pairs, cubes, composites, mosaics and ice motion."""

from altiflow.readers.catalogue.pairs.naming.pair import PairName, parse_pair_name
from altiflow.readers.catalogue.pairs.naming.products import (
    CubeName,
    MosaicName,
    MotionName,
    VelocityName,
    parse_velocity_name,
)
from altiflow.readers.catalogue.pairs.naming.scene import Scene, find_scene, parse_scene

__all__ = [
    "CubeName",
    "MosaicName",
    "MotionName",
    "PairName",
    "Scene",
    "VelocityName",
    "find_scene",
    "parse_pair_name",
    "parse_scene",
    "parse_velocity_name",
]
