# Names of this storey that do not stand in the root; read at run time by lazy_loader.
from .recovery.recovery import Recovery as Recovery
from .turning.turning_points_result import TurningPoints as TurningPoints
from .when.around_event_result import AroundEvent as AroundEvent
from .when.since_when_result import SinceWhen as SinceWhen
from .who.explain_change import ExplainedChange as ExplainedChange
from .who.group_search import GroupSearch as GroupSearch
from .who.unhappy_customers import UnhappyCustomers as UnhappyCustomers
