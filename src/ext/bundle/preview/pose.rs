//! Positions and orientations.
//!
//! The rules are those of `MuJoCo`'s [orientations].
//!
//! [orientations]: https://mujoco.readthedocs.io/en/stable/modeling.html#frame-orientations

/// A point in metres, or a direction.
pub(super) type Vec3 = [f64; 3];

/// A rotation matrix, by rows.
pub(super) type Matrix = [Vec3; 3];

const IDENTITY: Matrix = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
/// A vector shorter than this has no direction.
const MIN_LENGTH: f64 = 1e-10;

/// The pose of a frame in its parent frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pose {
    pub(super) position: Vec3,
    pub(super) rotation: Matrix,
}

impl Pose {
    pub(super) const IDENTITY: Self = Self {
        position: [0.0; 3],
        rotation: IDENTITY,
    };

    /// Returns the pose of `inner`, a child of this frame, in the parent frame.
    pub(super) fn then(&self, inner: &Self) -> Self {
        Self {
            position: self.point(inner.position),
            rotation: product(&self.rotation, &inner.rotation),
        }
    }

    /// Transforms a point of this frame to the parent frame.
    pub(super) fn point(&self, point: Vec3) -> Vec3 {
        let rotated = self.direction(point);
        [0, 1, 2].map(|row| self.position[row] + rotated[row])
    }

    /// Transforms a direction of this frame to the parent frame.
    pub(super) fn direction(&self, direction: Vec3) -> Vec3 {
        self.rotation.map(|row| dot(row, direction))
    }

    /// Transforms a direction of the parent frame to this frame.
    pub(super) fn direction_in(&self, direction: Vec3) -> Vec3 {
        transposed(&self.rotation).map(|row| dot(row, direction))
    }

    /// Transforms a point of the parent frame to this frame.
    pub(super) fn point_in(&self, point: Vec3) -> Vec3 {
        self.direction_in([0, 1, 2].map(|row| point[row] - self.position[row]))
    }
}

/// Returns the rotation of a quaternion; `None` if it is zero.
pub(super) fn quaternion([w, x, y, z]: [f64; 4]) -> Option<Matrix> {
    let length = (w * w + x * x + y * y + z * z).sqrt();
    if length < MIN_LENGTH {
        return None;
    }
    let [w, x, y, z] = [w, x, y, z].map(|part| part / length);
    Some([
        [
            1.0 - 2.0 * (y * y + z * z),
            2.0 * (x * y - w * z),
            2.0 * (x * z + w * y),
        ],
        [
            2.0 * (x * y + w * z),
            1.0 - 2.0 * (x * x + z * z),
            2.0 * (y * z - w * x),
        ],
        [
            2.0 * (x * z - w * y),
            2.0 * (y * z + w * x),
            1.0 - 2.0 * (x * x + y * y),
        ],
    ])
}

/// Returns the rotation about an axis; `None` if the axis is zero.
pub(super) fn axis_angle(axis: Vec3, radians: f64) -> Option<Matrix> {
    let [x, y, z] = unit(axis)?;
    let (sin, cos) = (radians / 2.0).sin_cos();
    quaternion([cos, x * sin, y * sin, z * sin])
}

/// Returns the product of three rotations about the axes in `sequence`: lower case for rotated
/// axes, upper case for fixed axes. `None` if `sequence` is not three of the letters x, y and z.
pub(super) fn euler(sequence: &str, radians: Vec3) -> Option<Matrix> {
    if sequence.chars().count() != 3 {
        return None;
    }
    let mut rotation = IDENTITY;
    for (letter, angle) in sequence.chars().zip(radians) {
        let axis = ['x', 'y', 'z']
            .iter()
            .position(|axis| letter.eq_ignore_ascii_case(axis))?;
        let step = axis_angle(IDENTITY[axis], angle)?;
        rotation = if letter.is_ascii_lowercase() {
            product(&rotation, &step)
        } else {
            product(&step, &rotation)
        };
    }
    Some(rotation)
}

/// Returns the rotation with the X axis `x` and a Y axis in the plane of `x` and `y`. `None` if
/// they are parallel or zero.
pub(super) fn xy_axes(x: Vec3, y: Vec3) -> Option<Matrix> {
    let x = unit(x)?;
    let along = dot(x, y);
    let y = unit([0, 1, 2].map(|axis| y[axis] - along * x[axis]))?;
    Some(transposed(&[x, y, cross(x, y)]))
}

/// Returns the smallest rotation that turns the Z axis to `direction`; `None` if that is zero.
pub(super) fn z_axis(direction: Vec3) -> Option<Matrix> {
    let direction = unit(direction)?;
    let axis = cross([0.0, 0.0, 1.0], direction);
    let sin = dot(axis, axis).sqrt();
    let axis = if sin < MIN_LENGTH {
        [1.0, 0.0, 0.0]
    } else {
        axis
    };
    axis_angle(axis, sin.atan2(direction[2]))
}

/// Returns the vector with length 1; `None` if it is zero.
pub(super) fn unit(vector: Vec3) -> Option<Vec3> {
    let length = dot(vector, vector).sqrt();
    (length >= MIN_LENGTH).then(|| vector.map(|part| part / length))
}

pub(super) fn dot(left: Vec3, right: Vec3) -> f64 {
    left[0] * right[0] + left[1] * right[1] + left[2] * right[2]
}

fn cross(left: Vec3, right: Vec3) -> Vec3 {
    [
        left[1] * right[2] - left[2] * right[1],
        left[2] * right[0] - left[0] * right[2],
        left[0] * right[1] - left[1] * right[0],
    ]
}

fn transposed(matrix: &Matrix) -> Matrix {
    [0, 1, 2].map(|column| [0, 1, 2].map(|row| matrix[row][column]))
}

fn product(left: &Matrix, right: &Matrix) -> Matrix {
    let columns = transposed(right);
    left.map(|row| columns.map(|column| dot(row, column)))
}
