"""Images of one place at two times: searched for, opened by windows, and laid on one lattice."""

from altiflow.readers.scenes.acquisition import Acquisition
from altiflow.readers.scenes.listing import list_scenes
from altiflow.readers.scenes.pair import ScenePair
from altiflow.readers.scenes.pairing import tell_unpaired
from altiflow.readers.scenes.reading import read_scene_pair
from altiflow.readers.scenes.search import search_scenes

__all__ = ["Acquisition", "ScenePair", "list_scenes", "read_scene_pair", "search_scenes", "tell_unpaired"]
